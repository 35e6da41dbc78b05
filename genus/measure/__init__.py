"""Measures: what a model is worth, judged from outside, each figure with its protocol."""

from .evaluate import draw as draw
from .evaluate import evaluate as evaluate
from .evaluate import real_floor as real_floor
from .figures import Figure as Figure
from .figures import comparable as comparable
from .figures import differences as differences
from .figures import from_json as from_json
from .figures import render as render
from .figures import side_by_side as side_by_side
from .figures import table as table
from .figures import to_json as to_json
from .likelihood.likelihood import Effort as Effort
from .oracle import Oracle as Oracle
from .oracle import oracle as oracle
from .scores import scores as scores
