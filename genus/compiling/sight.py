"""What a trace cannot see is refused, so that no program silently does something else than its function."""

import sys
import traceback
import types
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch._guards import TracingContext, tracing
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.fx import GraphModule, Node
from torch.overrides import TorchFunctionMode

from ..core.parts import device_of, undisturbed


class Unfit(Exception):
    """Why a function cannot be compiled."""


class Uncompiled(Unfit):
    """It could be traced, and the compiler is missing or fails."""


LARGEST = 6000  # operations of a program: minutes to compile
MOST = 20_000  # calls of torch's functions, with those that look at a shape
NUMBERS = {  # methods of a tensor whose result depends on its values
    getattr(Tensor, name)
    for name in (
        *("item", "tolist", "numpy", "__array__", "__bool__", "__int__", "__float__", "__index__"),
        *("__complex__", "__contains__", "is_nonzero"),
    )
}
DATA_SHAPES = {torch.Tag.dynamic_output_shape, torch.Tag.data_dependent_output}


class refusing_numbers(TorchFunctionMode):
    """A context in which a tensor that is read as a number raises Unfit, with the line that does so.

    So does a function that goes on and on: a loop that is unrolled for minutes would be compiled for hours.
    """

    def __init__(self) -> None:
        super().__init__()
        self.calls = 0

    def __torch_function__(
        self, func: Any, types: Any, args: Sequence[Any] = (), kwargs: Any = None
    ) -> Any:
        self.calls += 1
        if self.calls > MOST:
            raise Unfit(f"it calls more than {MOST:,} operations; that takes too long to compile")
        if func in NUMBERS:
            raise Unfit(f"{line_of_caller()} reads a tensor as a number")
        if func is nn.functional.one_hot:
            return one_hot(*args, **(kwargs or {}))
        return func(*args, **(kwargs or {}))


@contextmanager
def refusing_arrays() -> Iterator[None]:
    """A context in which no tensor becomes a list or an array, also in a gradient of one's own.

    A gradient is out of sight of `refusing_numbers`; the tracer itself refuses a single number there.
    """

    def refuse(*args: Any, **kwargs: Any) -> Any:
        raise Unfit(f"{line_of_caller()} reads a tensor as a number")

    before = {name: getattr(Tensor, name) for name in ("tolist", "numpy", "__array__")}
    try:
        for name in before:
            setattr(Tensor, name, refuse)
        yield
    finally:
        for name, was in before.items():
            setattr(Tensor, name, was)


def one_hot(x: Tensor, num_classes: int = -1) -> Tensor:
    """What torch's function returns, which first reads the largest class."""
    if num_classes < 1:
        raise Unfit("one_hot takes as many classes as there are in its rows; give it num_classes")
    return (x[..., None] == torch.arange(num_classes, device=x.device)).long()


def line_of_caller() -> str:
    """The innermost line that is neither of torch nor of this folder."""
    frame: types.FrameType | None = sys._getframe(1)
    while frame is not None:
        if not inside(frame):
            return f"{Path(frame.f_code.co_filename).name}, line {frame.f_lineno},"
        frame = frame.f_back
    return "the model"


def inside(frame: types.FrameType) -> bool:
    own = (str(Path(__file__).parent), str(Path(torch.__file__).parent), "<")
    return frame.f_code.co_filename.startswith(own)


@contextmanager
def traceable(model: nn.Module) -> Iterator[None]:
    """A context of a trace, which raises Unfit where it would not see all that happens."""
    sizes = tracing(TracingContext(FakeTensorMode()))  # one for all nodes, and not one for each
    with unchanged(model), refusing_arrays(), refusing_numbers(), sizes:
        try:
            yield
        except RuntimeError as error:
            raise Unfit(reason(error)) from error


def reason(error: RuntimeError) -> str:
    """Why a trace failed; gradients are out of sight of `refusing_numbers`."""
    if "value out of a tracing tensor" not in str(error):
        return str(error).splitlines()[0]
    lines = [(f, n) for f, n in traceback.walk_tb(error.__traceback__) if not inside(f)]
    where = [f"{Path(f.f_code.co_filename).name}, line {n}," for f, n in lines] or ["the model"]
    return f"{where[-1]} reads a tensor as a number"


@contextmanager
def as_before(model: nn.Module, more: Sequence[Tensor]) -> Iterator[None]:
    """A context that leaves the model, further tensors and random streams as they were."""
    tensors = [*dict.fromkeys([*model.parameters(), *more])]
    before = [x.detach().clone() for x in tensors]
    own = [(m, dict(m._buffers)) for m in model.modules()]
    buffers = {id(x) for x in model.buffers()}
    try:
        with undisturbed(model, device_of(model)):
            yield
            if {id(x) for x in model.buffers()} != buffers:
                names = [k for k, x in model.named_buffers() if id(x) not in buffers]
                raise Unfit(f"a round puts another tensor in the place of {', '.join(names)}")
    finally:
        for module, was in own:
            module._buffers.update(was)
        with torch.no_grad():
            for x, was in zip(tensors, before, strict=True):
                x.copy_(was)


@contextmanager
def unchanged(model: nn.Module) -> Iterator[None]:
    """A context that raises Unfit if an attribute of a module is another one after it."""
    before = [(module, attributes(module)) for module in model.modules()]
    yield
    for module, was in before:
        now = attributes(module)
        for name in was.keys() | now.keys():
            if name not in was or name not in now or not same(was[name], now[name]):
                raise Unfit(f"a round changes {type(module).__name__}.{name}, which is no buffer")


def attributes(module: nn.Module) -> dict[str, Any]:
    """The attributes of a module, without parameters, buffers and modules; collections are copied."""
    copied = (list, dict, set)
    return {
        name: type(value)(value) if type(value) in copied else value
        for name, value in vars(module).items()
        if name not in ("_parameters", "_buffers", "_modules")
    }


def same(was: Any, now: Any) -> bool:
    if was is now:
        return True
    if type(was) is not type(now):
        return False
    if isinstance(was, (list, tuple)):
        return len(was) == len(now) and all(map(same, was, now))
    if isinstance(was, dict):
        return was.keys() == now.keys() and all(same(was[k], now[k]) for k in was)
    return isinstance(was, (int, float, complex, str, bytes, set)) and was == now


def check_graph(graph: GraphModule, known: Sequence[Tensor]) -> None:
    """Raises Unfit if a graph has one of these tensors as a constant, a shape that depends on data, or no end."""
    if (count := len(graph.graph.nodes)) > LARGEST:
        raise Unfit(
            f"it takes {count:,} operations; more than {LARGEST:,} take too long to compile"
        )
    storages = {x.untyped_storage().data_ptr() for x in known if x.numel()}
    for node in graph.graph.nodes:
        if node.op == "get_attr":
            value = getattr(graph, node.target)
            if isinstance(value, Tensor) and value.untyped_storage().data_ptr() in storages:
                raise Unfit(f"the trace takes a tensor of the model for a constant ({node.target})")
            if any(is_inplace(user) and user.args[0] is node for user in node.users):
                raise Unfit("a round changes a tensor that is neither a parameter nor a buffer")
        indexed = node.target is torch.ops.aten.index.Tensor and not selects_by_mask(node)
        if DATA_SHAPES.intersection(getattr(node.target, "tags", ())) and not indexed:
            raise Unfit(f"the shape of a result of {node.target} depends on data")


def selects_by_mask(node: Node) -> bool:
    masks = (torch.bool, torch.uint8)
    return any(isinstance(i, Node) and i.meta["val"].dtype in masks for i in node.args[1])  # pyright: ignore[reportOptionalIterable, reportGeneralTypeIssues]


def is_inplace(node: Node) -> bool:
    schema = getattr(node.target, "_schema", None)
    return schema is not None and schema.is_mutable
