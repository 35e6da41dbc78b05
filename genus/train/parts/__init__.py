"""What rebuilds a model, as JSON: classes, arguments, layers of PyTorch and builders of your own."""

from .rebuilding import ArtifactError as ArtifactError
from .rebuilding import built as built
from .rebuilding import decode as decode
from .rebuilding import encode as encode
from .rebuilding import imported as imported
from .rebuilding import outside as outside
