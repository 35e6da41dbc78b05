"""Measures of a model's quality, each figure with its protocol."""

from .evaluation import evaluate as evaluate
from .evaluation import real_floor as real_floor
from .extractors.pictures import Extractor as Extractor
from .extractors.pictures import extractor as extractor
from .figures import Comparison as Comparison
from .figures import Figure as Figure
from .figures import Figures as Figures
from .figures import comparable as comparable
from .figures import differences as differences
from .figures import from_json as from_json
from .figures import render as render
from .figures import side_by_side as side_by_side
from .figures import table as table
from .figures import to_json as to_json
from .judges import said_of as said_of
from .likelihood.likelihood import Effort as Effort
from .oracles import Oracle as Oracle
from .oracles import oracle as oracle
from .readers.reader import Reader as Reader
from .readers.reader import reader as reader
from .rows import sampled as sampled
from .scoring import scores as scores
