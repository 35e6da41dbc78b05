"""Functions of a model as compiled programs: one for each shape of their arguments."""

import warnings
from collections import Counter
from collections.abc import Callable, Hashable, Iterator, Sequence
from itertools import chain
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.fx import GraphModule
from torch.fx.experimental.proxy_tensor import make_fx
from torch.fx.graph import CodeGen

from ..core.parts import device_of, undisturbed
from ..errors import Refused
from .graphs import drop_unused, lifted
from .sight import Uncompiled, Unfit, as_before, check_graph, traceable

FIRST = 2  # calls of a network that are not compiled: it may be called no more
PLAIN = (Tensor, int, float, str, type(None))  # arguments of networks that are compiled
Call = Callable[..., Sequence[Tensor]]  # of the arguments of a graph
Compiler = Callable[[GraphModule, Sequence[Tensor]], Call]


def inductor(graph: GraphModule, arguments: Sequence[Tensor]) -> Call:
    """The program that torch's compiler makes of a graph.

    Raises:
        Uncompiled: there is no C++ compiler, or it fails.
    """
    from torch._inductor import compile, config, cpp_builder, exc

    try:
        cpp_builder.get_cpp_compiler()
    except exc.InvalidCxxCompiler:
        raise Uncompiled("no C++ compiler was found; g++ or clang is wanted") from None
    try:
        with config.patch(fallback_random=True):
            return cast(Call, compile(graph, list(arguments)))
    except RuntimeError as error:
        raise Uncompiled(f"the compiler fails: {str(error).splitlines()[0]}") from error


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

    Weights may change between calls; other attributes of the model may not. Where a function cannot be
    compiled as a whole, such as a sampler of hundreds of steps, the networks are that it calls again and
    again. Without these it is called as it is, and a warning says why.

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
        self.programs: dict[Hashable, CallProgram | None] = {}
        self.networks: CompiledNetworks | None = None

    @torch.no_grad()
    def __call__(self, *args: Any, **named: Any) -> Any:
        given = [*args, *named.values()]
        state = next(chain(self.model.parameters(), self.model.buffers()), None)
        key = (self.model.training, kind_of(state), tuple(named), *map(kind_of, given))
        try:
            known = key in self.programs
        except TypeError:
            raise Refused(
                f"compiled: the arguments of {self.name} are {', '.join(type(x).__name__ for x in given)}; "
                f"tensors, and values that can be keys of a dictionary, are wanted"
            ) from None
        if not known and self.networks is None:
            self.programs[key] = self.prepared(given, tuple(named))
        if program := self.programs.get(key):
            return program(given)
        if self.networks is None:
            return self.function(*args, **named)
        with self.networks:
            return self.function(*args, **named)

    @property
    def name(self) -> str:
        return f"{type(self.model).__name__}.{getattr(self.function, '__name__', 'function')}"

    def prepared(self, given: Sequence[Any], names: tuple[str, ...]) -> "CallProgram | None":
        try:
            return CallProgram(self.function, self.model, given, names, self.compiler)
        except Uncompiled as why:
            warnings.warn(f"{self.name} is not compiled: {why}", stacklevel=3)
        except Unfit as why:
            self.networks = CompiledNetworks(
                self.model, self.compiler, f"{self.name} is not compiled: {why}"
            )
        return None


class CompiledNetworks:
    """A context in which the networks of a model run as programs, those that are called again and again in it.

    Args:
        model: model whose outermost modules of several layers, with a `forward`, are its networks.
        compiler: makes a program of a graph.
        why: what is said if there is no such network.
    """

    def __init__(self, model: nn.Module, compiler: Compiler, why: str):
        self.calls = {net: CompiledCall(net.forward, net, compiler) for net in networks(model)}
        self.seen = Counter[Hashable]()
        self.before = dict[nn.Module, Callable[..., Any] | None]()
        self.why = why

    def __enter__(self) -> None:
        self.seen.clear()
        self.before = {
            net: vars(net).get("forward") for net in self.calls
        }  # one of its own, or none
        for net, call in self.calls.items():
            net.forward = self.counted(net, call)

    def __exit__(self, *exception: object) -> None:
        for net, own in self.before.items():
            if own is None:
                del net.forward
            else:
                net.forward = own
        if self.why and not any(call.programs for call in self.calls.values()):
            warnings.warn(f"{self.why}, and it calls no network again and again", stacklevel=3)
        self.why = ""

    def counted(self, net: nn.Module, call: CompiledCall) -> Callable[..., Any]:
        """The forward of a network: as usual in its first calls, and where it needs gradients."""

        def forward(*args: Any, **named: Any) -> Any:
            given = [*args, *named.values()]
            if torch.is_grad_enabled() or not all(isinstance(x, PLAIN) for x in given):
                return call.function(*args, **named)
            key = (net, tuple(named), *map(kind_of, given))
            self.seen[key] += 1
            return (call.function if self.seen[key] <= FIRST else call)(*args, **named)

        return forward


def networks(module: nn.Module) -> Iterator[nn.Module]:
    """The outermost modules within a module that have a `forward` and several layers: one gains nothing."""
    for child in module.children():
        if type(child).forward is nn.Module.forward:
            yield from networks(child)
        elif next(child.children(), None) is not None:
            yield child


def kind_of(value: Any) -> Hashable:
    """What a program is made for: the shape and type of a tensor, or a value that stands for itself."""
    return (value.shape, value.dtype, value.device) if isinstance(value, Tensor) else value


class CallProgram:
    """The program of a function, for arguments like these.

    Args:
        function: function of a model.
        model: the model.
        given: arguments, those with names last.
        names: these names.
        compiler: makes a program of a graph.
    """

    def __init__(
        self,
        function: Callable[..., Any],
        model: nn.Module,
        given: Sequence[Any],
        names: tuple[str, ...],
        compiler: Compiler,
    ):
        self.state = [*dict.fromkeys(chain(model.parameters(), model.buffers()))]
        self.single = False
        tensors, device = tensors_of(given), device_of(model)

        def whole(state: list[Tensor], tensors: list[Tensor]) -> list[Tensor]:
            queue = iter(tensors)
            args = [next(queue) if isinstance(x, Tensor) else x for x in given]
            count = len(args) - len(names)
            found = function(*args[:count], **dict(zip(names, args[count:], strict=True)))
            self.single = isinstance(found, Tensor)
            parts = [found] if self.single else found
            if not isinstance(parts, (list, tuple)) or len(tensors_of(parts)) < len(parts):
                kind = type(found).__name__
                raise Unfit(f"it returns {kind}; a tensor or a tuple of tensors is wanted")
            return [*parts]

        with undisturbed(model, device):
            whole(self.state, tensors)  # fills what the model keeps for later calls
        with as_before(model, []), traceable(model):
            graph = make_fx(whole)(self.state, tensors)
        graph.graph.set_codegen(CodeGen())  # arguments one by one
        check_graph(graph, self.state)
        self.noise = lifted(graph)
        self.used = drop_unused(graph)
        with undisturbed(model, device):
            self.call = compiler(graph, self.arguments(given))

    def arguments(self, given: Sequence[Any]) -> list[Tensor]:
        every = [*self.state, *tensors_of(given), *(draw() for draw in self.noise)]
        return [every[i] for i in self.used]

    def __call__(self, given: Sequence[Any]) -> Any:
        found = self.call(*self.arguments(given))
        return found[0] if self.single else tuple(found)


def tensors_of(values: Sequence[Any]) -> list[Tensor]:
    return [x for x in values if isinstance(x, Tensor)]
