"""Autoregressive models: exact probabilities, one value after another."""

from .beam import beam as beam
from .encoderdecoder import EncoderDecoder as EncoderDecoder
from .made import MADE as MADE
from .seq2seq import Seq2Seq as Seq2Seq
from .stepwise import Choice as Choice
from .stepwise import ConditionalStepwiseModel as ConditionalStepwiseModel
from .stepwise import Stepwise as Stepwise
from .stepwise import StepwiseModel as StepwiseModel
