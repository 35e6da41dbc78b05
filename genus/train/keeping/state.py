"""The state of a run: everything that a resumed run needs, in one file, which is replaced as a whole.

    genus state 1
    the SHA-256 of all that follows, in hexadecimal
    a line of JSON: the identity of the run, its recipe as it was given, and what it has noted
    tensors and plain numbers, as torch.save writes them

The hash lies inside, for a second file could be left behind by a kill. It is compared before anything else
is read; then each entry is compared with the run that is to be resumed, before it gets any of it.
"""

import hashlib
import io
import json
import math
import pickle
from collections.abc import Mapping
from pathlib import Path
from types import NoneType
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from ...core import Refused
from ...core.files import drafted, write
from ..finite import first_endless

STATE, EARLIER = "state.pt", "states"
MAGIC = b"genus state 1\n"
HEADER = {"identity": dict, "changes": list, "circumstances": dict}  # and types of these entries


class Kept(NamedTuple):
    """A state that was read.

    Args:
        header: what is known of the run, of JSON types.
        state: tensors and numbers.
    """

    header: dict[str, Any]
    state: dict[str, Any]


def keep(folder: Path, header: Mapping[str, Any], state: Mapping[str, Any]) -> None:
    """Writes a state into a folder.

    Args:
        folder: folder of the run.
        header: what is known of the run, of JSON types.
        state: what changes in the run: tensors, and numbers.
    """
    content = io.BytesIO()
    torch.save(dict(state), content)
    line, body = json.dumps(header, sort_keys=True).encode() + b"\n", content.getbuffer()
    whole = hashlib.sha256(line)
    whole.update(body)
    with drafted(folder / STATE) as file:
        for part in (MAGIC, whole.hexdigest().encode() + b"\n", line, body):
            file.write(part)


def keep_earlier(folder: Path, number: int, most: int) -> None:
    """Keeps the state in a folder under its number of rounds, for another one is about to replace it.

    Args:
        folder: folder of the run.
        number: rounds of the one that comes; what is of the same round is not kept.
        most: how many of them there may be; the oldest go.
    """
    found = (header_of(folder / STATE) or {}).get("round") if most > 0 else None
    if not isinstance(found, int) or found == number:
        return
    own = folder / EARLIER / f"{found:08d}.pt"
    own.parent.mkdir(exist_ok=True)
    write(own, (folder / STATE).read_bytes())  # no link: a copy over state.pt would go through it
    written = sorted(own.parent.glob("*.pt"), key=lambda path: path.stat().st_mtime_ns)
    for path in written[:-most]:
        path.unlink()


def header_of(path: Path) -> dict[str, Any] | None:
    """The header of a state, unchecked; None where there is no state that could be read."""
    try:
        with path.open("rb") as file:
            if file.readline(len(MAGIC)) != MAGIC:
                return None
            file.readline(65)
            found = json.loads(file.readline())
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) else None


def kept(path: Path, device: torch.device) -> Kept:
    """The state in a file.

    Raises:
        Refused: it is damaged.
    """
    content = memoryview(path.read_bytes())
    begin = len(MAGIC)
    if bytes(content[:begin]) != MAGIC or bytes(content[begin + 64 : begin + 65]) != b"\n":
        raise _damaged(path, "it does not begin like a state of this genus")
    told, rest = bytes(content[begin : begin + 64]), content[begin + 65 :]
    if hashlib.sha256(rest).hexdigest().encode() != told:
        raise _damaged(path, "its content does not have the hash that stands in it")
    end = _line_end(rest)
    try:
        header = json.loads(bytes(rest[:end]))
        state = torch.load(io.BytesIO(rest[end + 1 :]), map_location=device, weights_only=True)
    except (RuntimeError, pickle.UnpicklingError, EOFError, OSError, ValueError) as error:
        why = (str(error).splitlines() or [type(error).__name__])[0]
        raise _damaged(path, why) from None
    if not isinstance(header, dict) or not isinstance(state, dict):
        raise _damaged(path, "it holds no state")
    for name, kind in HEADER.items():
        if not isinstance(header.get(name), kind):
            raise _damaged(path, f"its entry '{name}' is {type(header.get(name)).__name__}")
    return Kept(header, state)


def _line_end(content: memoryview) -> int:
    """The place of the first end of a line."""
    step = 2**16
    for begin in range(0, content.nbytes, step):
        if (found := bytes(content[begin : begin + step]).find(b"\n")) >= 0:
            return begin + found
    return content.nbytes


def _damaged(path: Path, why: str) -> Refused:
    return Refused(f"fit: {path} is damaged: {why}")


# --- checks -----------------------------------------------------------------------------------


def check_tensors(path: Path, what: str, found: Any, module: nn.Module) -> None:
    """Raises Refused unless these are tensors of a module: of its names, shapes and types, and finite.

    Buffers may have another shape, as tables have that grow, and hold infinity.
    """
    if not isinstance(found, Mapping):
        raise _damaged(path, f"{what} is no dict")
    wanted, buffers = module.state_dict(), buffers_of(module)
    if lost := sorted({*wanted} ^ {*found}, key=str):
        raise _damaged(path, f"{what} has other tensors: {lost[0]}")
    for name, tensor in wanted.items():
        came = found[name]
        if not isinstance(came, Tensor):
            raise _damaged(path, f"{what}: {name} is no tensor")
        other = came.shape != tensor.shape and name not in buffers
        if other or came.dtype != tensor.dtype:
            raise _damaged(
                path,
                f"{what}: {name} is {came.dtype} of {tuple(came.shape)}; {tensor.dtype} of "
                f"{tuple(tensor.shape)} is wanted",
            )
    if name := first_endless(found.items(), buffers):
        raise _damaged(path, f"{what}: {name} has values that are not finite")


def take(path: Path, what: str, module: nn.Module, tensors: Mapping[str, Tensor]) -> None:
    """Gives a module these tensors.

    Raises:
        Refused: it does not take them.
    """
    try:
        module.load_state_dict(tensors)
    except RuntimeError as error:
        raise _damaged(path, f"{what}: {str(error).splitlines()[-1].strip()}") from None


def buffers_of(module: nn.Module) -> set[str]:
    """The names of a module's buffers."""
    return {name for name, _ in module.named_buffers()}


def check_optimizer(path: Path, name: str, found: Any, optimizer: Optimizer) -> None:
    """Raises Refused unless the state of an optimiser fits its parameters: moments have their shapes."""
    what = f"the optimiser of {name}"
    groups = found.get("param_groups") if isinstance(found, Mapping) else None
    moments = found.get("state") if isinstance(found, Mapping) else None
    own = optimizer.state_dict()["param_groups"]
    if not _all(groups, dict) or not isinstance(groups, list) or not isinstance(moments, Mapping):
        raise _damaged(path, f"{what} is no state of an optimiser")
    if [{*g} for g in groups] != [{*g} for g in own]:
        raise _damaged(path, f"{what} has other settings")
    if [g.get("params") for g in groups] != [g["params"] for g in own]:
        raise _damaged(path, f"{what} is of other parameters")
    known: set[str] | None = None  # of the first parameter, as of all
    weights = [weight for group in optimizer.param_groups for weight in group["params"]]
    for number, values in moments.items():
        if not isinstance(number, int) or not 0 <= number < len(weights):
            raise _damaged(path, f"{what} is of other parameters")
        if not isinstance(values, Mapping):
            raise _damaged(path, f"{what}: the state of parameter {number} is no dict")
        known, weight = known or {*values}, weights[number]
        if {*values} != known:
            raise _damaged(path, f"{what}: parameter {number} has other moments than the first")
        for key, value in values.items():
            if not isinstance(value, Tensor) or value.shape == ():  # a number of steps
                continue
            if value.shape != weight.shape or value.dtype != weight.dtype:
                raise _damaged(
                    path,
                    f"{what}: {key} of parameter {number} is {value.dtype} of {tuple(value.shape)}; "
                    f"{weight.dtype} of {tuple(weight.shape)} is wanted",
                )
        if key := first_endless(values.items()):
            raise _damaged(
                path, f"{what}: {key} of parameter {number} has values that are not finite"
            )
    for group in groups:
        if not all(math.isfinite(v) for v in group.values() if isinstance(v, float)):
            raise _damaged(path, f"{what} has settings that are not finite")


def endless(
    model: nn.Module, average: nn.Module | None, optimizers: Mapping[str, Optimizer]
) -> str:
    """Which of a run's numbers is the first that is not finite, in words; "" if all are finite."""
    for what, module in (("weights", model), ("averaged weights", average)):
        if module is None:
            continue
        if name := first_endless(module.state_dict().items(), buffers_of(module)):
            return f"the {what} '{name}' are"
    for player, optimizer in optimizers.items():
        for values in optimizer.state.values():
            if key := first_endless(values.items()):
                return f"the moments '{key}' of the optimiser of {player} are"
    return ""


def numbers(path: Path, state: Mapping[str, Any]) -> None:
    """Raises Refused unless the plain numbers of a state are what they should be."""
    count, seconds = state.get("number"), state.get("seconds")
    sound = {
        "number": isinstance(count, int) and count >= 0,
        "seconds": isinstance(seconds, int | float) and 0 <= seconds < math.inf,
        "looked": isinstance(state.get("looked"), int),
        "settled": isinstance(state.get("settled"), bool),
        "memory": _all(state.get("memory"), Tensor),
        "ranks": _all(state.get("ranks"), dict)
        and all(
            _all(own.get("buffers"), dict)
            and _all(own.get("pending"), dict)
            and all(isinstance(x, float) for terms in own["pending"] for x in terms.values())
            for own in state["ranks"]
        ),
        "best": isinstance(state.get("best"), int | float),
        "waited": isinstance(state.get("waited"), int),
        "best_number": isinstance(state.get("best_number"), int),
        "best_weights": isinstance(state.get("best_weights"), Mapping | NoneType),
        "best_figures": isinstance(state.get("best_figures"), Mapping | NoneType),
    }
    for name, fine in sound.items():
        if not fine:
            raise _damaged(path, f"its entry '{name}' is {type(state.get(name)).__name__}")


def _all(found: Any, kind: type) -> bool:
    return isinstance(found, list) and all(isinstance(one, kind) for one in found)
