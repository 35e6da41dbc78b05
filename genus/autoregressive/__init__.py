"""Autoregressive models: exact probabilities, one value after another."""

from .beam import beam as beam
from .charrnn import CharRNN as CharRNN
from .encoderdecoder import EncoderDecoder as EncoderDecoder
from .dgmg import DGMG as DGMG
from .eonade import EoNADE as EoNADE
from .gatedpixelcnn import ConditionalGatedPixelCNN as ConditionalGatedPixelCNN
from .gatedpixelcnn import GatedPixelCNN as GatedPixelCNN
from .graphrnn import GraphRNN as GraphRNN
from .graphrnn import GraphRNNS as GraphRNNS
from .kneserney import KneserNey as KneserNey
from .made import MADE as MADE
from .nade import NADE as NADE
from .pixelcnn import PixelCNN as PixelCNN
from .pixelrnn import MultiscalePixelRNN as MultiscalePixelRNN
from .pixelrnn import PixelRNN as PixelRNN
from .seq2seq import Seq2Seq as Seq2Seq
from .skipgram import SkipGram as SkipGram
from .stepwise import Choice as Choice
from .stepwise import ConditionalStepwiseModel as ConditionalStepwiseModel
from .stepwise import Stepwise as Stepwise
from .stepwise import StepwiseModel as StepwiseModel
from .transformer import Transformer as Transformer
from .unordered import Unordered as Unordered
from .wavenet import ConditionalWaveNet as ConditionalWaveNet
from .wavenet import WaveNet as WaveNet
