"""The cost of a model: its parameters, and its sampling speed."""

import platform
import time
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from ..core import Model
from .figures import Figure


def cost_figures(model: Model, rows: int, seconds: float, protocol: dict[str, Any]) -> list[Figure]:
    """parameters and samples_per_second, of `rows` samples that took `seconds`."""
    count = sum(p.numel() for p in model.parameters())
    speed = {**protocol, "samples": rows, **machine(model)}
    return [
        Figure("parameters", float(count), "", {}, better="lower"),
        Figure(
            "samples_per_second", rows / seconds, "rows/s", speed, sign="~", better="higher",
            estimator={"name": "one draw of all samples"},
        ),
    ]  # fmt: skip


def timed(sample: Callable[[], Tensor]) -> tuple[Tensor, float]:
    """The samples that a function returns, and the seconds that it took."""
    begun = time.perf_counter()
    x = sample()
    if x.is_cuda:
        torch.cuda.synchronize()
    return x, time.perf_counter() - begun


def machine(model: Model) -> dict[str, Any]:
    """The class of machine, on which a speed depends."""
    at = next((p.device for p in model.parameters()), torch.device("cpu"))
    name = torch.cuda.get_device_name(at) if at.type == "cuda" else platform.machine()
    return {"machine": name, "device": at.type, "threads": torch.get_num_threads()}
