"""Functions of a model as compiled programs: one for each shape of their arguments."""

import warnings
from collections.abc import Callable, Sequence
from itertools import chain
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.fx import GraphModule
from torch.fx.experimental.proxy_tensor import make_fx
from torch.fx.graph import CodeGen

from ..core.parts import undisturbed
from ..errors import Refused
from .graphs import drop_unused, lifted
from .sight import Unfit, as_before, check_graph, traceable

Call = Callable[..., Sequence[Tensor]]  # of the arguments of a graph
Compiler = Callable[[GraphModule, Sequence[Tensor]], Call]


def inductor(graph: GraphModule, arguments: Sequence[Tensor]) -> Call:
    """The program that torch's compiler makes of a graph.

    Raises:
        Unfit: there is no C++ compiler, or it fails.
    """
    from torch._inductor import compile, config, cpp_builder, exc

    try:
        cpp_builder.get_cpp_compiler()
    except exc.InvalidCxxCompiler:
        raise Unfit("no C++ compiler was found; g++ or clang is wanted") from None
    try:
        with config.patch(fallback_random=True):
            return cast(Call, compile(graph, list(arguments)))
    except RuntimeError as error:
        raise Unfit(f"the compiler fails: {str(error).splitlines()[0]}") from error


def as_traced(graph: GraphModule, arguments: Sequence[Tensor]) -> Call:
    """The graph itself, one operation after another: what a compiler is compared with."""
    return graph


def compiled(
    function: Callable[..., Any], model: nn.Module | None = None, compiler: Compiler | None = None
) -> "CompiledCall":
    """A function that does the same, without gradients, as a compiled program for each shape of its arguments.

        log_prob = genus.compiled(model.log_prob)
        log_prob(x)  # compiles, in seconds to minutes
        log_prob(y)  # of as many rows: two to five times as fast where networks are small

    Weights may change between calls; other attributes of the model may not. What cannot be compiled is
    called as it is, and a warning says why.

    Args:
        function: method of a model, or a function that uses one. Its arguments are tensors, and other
            values that stand for themselves; it returns a tensor or a tuple of tensors.
        model: model that a function uses which is no method of it.
        compiler: makes a program of a graph and of arguments like those of its calls; by default, torch's.

    Raises:
        Refused: a model is missing.
    """
    model = model if model is not None else getattr(function, "__self__", None)
    if not isinstance(model, nn.Module):
        raise Refused(
            f"compiled: {getattr(function, '__name__', function)} is no method of a model; give the model "
            f"that it uses as well"
        )
    return CompiledCall(function, model, compiler or inductor)


class CompiledCall:
    """A function that is compiled for each shape of its arguments when they first come."""

    def __init__(self, function: Callable[..., Any], model: nn.Module, compiler: Compiler):
        self.function, self.model, self.compiler = function, model, compiler
        self.programs: dict[tuple[Any, ...], CallProgram | None] = {}

    @torch.no_grad()
    def __call__(self, *args: Any) -> Any:
        key = (self.model.training, *map(kind_of, args))
        if key not in self.programs:
            self.programs[key] = self.prepared(args)
        program = self.programs[key]
        return self.function(*args) if program is None else program(args)

    def prepared(self, args: Sequence[Any]) -> "CallProgram | None":
        try:
            return CallProgram(self.function, self.model, args, self.compiler)
        except Unfit as why:
            name = f"{type(self.model).__name__}.{getattr(self.function, '__name__', 'function')}"
            warnings.warn(f"{name} is not compiled: {why}", stacklevel=3)
            return None


def kind_of(value: Any) -> Any:
    """What a program is made for: the shape and type of a tensor, or a value that stands for itself."""
    return (value.shape, value.dtype, value.device) if isinstance(value, Tensor) else value


class CallProgram:
    """The program of a function, for arguments like these."""

    def __init__(
        self,
        function: Callable[..., Any],
        model: nn.Module,
        args: Sequence[Any],
        compiler: Compiler,
    ):
        self.state = [*dict.fromkeys(chain(model.parameters(), model.buffers()))]
        self.single = False
        given = tensors_of(args)

        def whole(state: list[Tensor], given: list[Tensor]) -> list[Tensor]:
            queue = iter(given)
            found = function(*(next(queue) if isinstance(x, Tensor) else x for x in args))
            self.single = isinstance(found, Tensor)
            return [found] if self.single else [*found]

        with undisturbed(model, self.state[0].device):
            function(*args)  # fills what the model keeps for later calls
        with as_before(model, []), traceable(model):
            graph = make_fx(whole)(self.state, given)
        graph.graph.set_codegen(CodeGen())  # arguments one by one
        check_graph(graph, self.state)
        self.noise = lifted(graph)
        self.used = drop_unused(graph)
        with undisturbed(model, self.state[0].device):
            self.call = compiler(graph, self.arguments(args))

    def arguments(self, args: Sequence[Any]) -> list[Tensor]:
        every = [*self.state, *tensors_of(args), *(draw() for draw in self.noise)]
        return [every[i] for i in self.used]

    def __call__(self, args: Sequence[Any]) -> Any:
        found = self.call(*self.arguments(args))
        return found[0] if self.single else tuple(found)


def tensors_of(args: Sequence[Any]) -> list[Tensor]:
    return [x for x in args if isinstance(x, Tensor)]
