"""What may help a run, without what it has already."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from torch import nn

REMEDIES: Mapping[
    str, tuple[str, str]
] = {  # what to try, and where a run has it, what to try instead
    "r1": ("R1 (penalty r1)", "a larger weight of its R1 penalty"),
    "penalty": (
        "a penalty (r1, or gradient_penalty for wasserstein)",
        "a larger weight of its penalty",
    ),
    "non_saturating": ("the non_saturating objective", ""),
    "packing": ("packing 2", ""),
    "augmentation": ("augmentation of what the critic sees", ""),
    "bound": ("a bound on the weights", ""),
    "clip": ("clip", "a smaller clip"),
    "ema": ("averaged weights (ema)", ""),
    "beta1": ("beta1 0 (if it is larger)", ""),
    "critic_rounds": ("more rounds of the critic (critic_rounds)", ""),
    "noise": ("instance noise", ""),
    "class_weight": ("a smaller weight of the classes (if the critic tells them)", ""),
    "class_weight_up": ("a larger weight of the classes (if the critic tells them)", ""),
    "code_weight": ("a larger weight of the codes (weight, continuous_weight)", ""),
    "code_share": ("codes that are fewer, or classes of which there are fewer", ""),
    "tell_critic": ("a critic that is told the class (form projection)", ""),
    "lr": ("a smaller learning rate", ""),
    "slower": ("a slower critic", ""),
    "faster": ("a higher learning rate for it", ""),
    "smaller": ("a smaller critic", ""),
    "larger": ("a larger one", ""),
    "data": ("more data", ""),
    "earlier": ("an earlier checkpoint", ""),
    "beta": ("a smaller beta (if it is above 1)", ""),
    "warm_up": ("warm_up, so that the KL counts little at first", "a longer warm_up"),
    "free": ("free bits (free)", "more free bits (free)"),
    "weaker": ("a decoder that can do less without z", ""),
    "prior": ("a prior that is learnt (prior vamp or flow)", "a prior that can do more"),
    "larger_beta": ("a larger beta (if it is below 1)", ""),
    "code": ("fewer units of z", ""),
}


def already(model: nn.Module | None, options: Mapping[str, Any]) -> frozenset[str]:
    """The names of the remedies that a run has already.

    Args:
        model: the model, if it is known.
        options: options of its run: ema and clip, where there are such.
    """
    view = getattr(model, "view", None)
    views = {type(one).__name__ for one in view.modules()} if isinstance(view, nn.Module) else set()
    penalties = [getattr(one, "function", None) for one in getattr(model, "penalties", ())]
    found = {
        "r1": any(getattr(function, "__name__", "") == "r1" for function in penalties),
        "penalty": bool(penalties),
        "non_saturating": getattr(getattr(model, "objective", None), "name", "")
        == "non_saturating",
        "packing": getattr(model, "packing", 1) > 1,
        "augmentation": bool(views - {"InstanceNoise", "Views", "ModuleList"}),
        "noise": "InstanceNoise" in views,
        "bound": getattr(model, "bound", None) is not None,
        "clip": options.get("clip") is not None,
        "ema": options.get("ema") is not None,
        "warm_up": getattr(model, "warm_up", 0) > 0,
        "free": getattr(model, "free", 0) > 0,
        "prior": getattr(model, "prior", None) is not None,
    }
    return frozenset(name for name, there in found.items() if there)


def advice(tries: Sequence[str], had: Collection[str]) -> str:
    """What to try, in words: "a, b or c"; "" if nothing is left.

    Args:
        tries: names of remedies, the best first.
        had: names of those that the run has already.
    """
    words = [word for name in tries if (word := REMEDIES[name][name in had])]
    *most, last = words or [""]
    return f"{', '.join(most)} or {last}" if most else last
