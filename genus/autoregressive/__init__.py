"""Autoregressive models: exact probabilities, one value after another."""

from .made import MADE as MADE
from .stepwise import Choice as Choice
from .stepwise import ConditionalStepwiseModel as ConditionalStepwiseModel
from .stepwise import Stepwise as Stepwise
from .stepwise import StepwiseModel as StepwiseModel
