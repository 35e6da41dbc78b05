"""The state of a run: everything that a resumed run needs, plain types only, replaced as one file."""

import io
import json
import pickle
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from ..core import Refused
from ..core.files import write

STATE = "state.pt"


def keep(folder: Path, identity: Mapping[str, Any], state: Mapping[str, Any]) -> None:
    """Writes a state into a folder.

    Args:
        folder: folder of the run, created if it is missing.
        identity: settings that must be the same for the run to be resumed, as JSON types.
        state: what changes in the run.
    """
    content = io.BytesIO()
    torch.save({"identity": json.dumps(identity, sort_keys=True), **state}, content)
    folder.mkdir(parents=True, exist_ok=True)
    write(folder / STATE, content.getvalue())


def kept(folder: Path, identity: Mapping[str, Any], device: torch.device) -> dict[str, Any]:
    """The state in a folder.

    Raises:
        Refused: there is none, or it is damaged, or of a run of another identity.
    """
    path = folder / STATE
    if not path.exists():
        raise Refused(f"fit: nothing to resume: there is no {path}")
    try:
        state = torch.load(path, map_location=device, weights_only=True)
    except (RuntimeError, pickle.UnpicklingError, EOFError, OSError) as error:
        why = (str(error).splitlines() or [type(error).__name__])[0]
        raise Refused(f"fit: {path} is damaged: {why}") from None
    was, now = json.loads(state["identity"]), json.loads(json.dumps(identity))
    if other := [name for name in now if was.get(name) != now[name]]:
        raise Refused(
            f"fit: the run in {folder} had another {', '.join(other)}; resume it with the "
            f"options it was begun with"
        )
    return state
