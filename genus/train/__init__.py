"""Training: `play` for the rounds of a game, `fit` for whole runs, and saved models (artifacts)."""

from .artifact import load as load
from .artifact import save as save
from .fit import fit as fit
from .game import Average as Average
from .game import MakesOptimizers as MakesOptimizers
from .game import adam as adam
from .game import adamw as adamw
from .game import play as play
from .given import batches as batches
from .parts import ArtifactError as ArtifactError
from .parts import built as built
from .run import Batches as Batches
from .run import Examiner as Examiner
from .run import Run as Run
