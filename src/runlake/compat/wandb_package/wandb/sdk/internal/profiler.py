"""Traces of PyTorch's profiler, kept with the run."""

from collections.abc import Callable
from pathlib import Path
from typing import Any


def torch_trace_handler() -> Callable[[Any], None]:
    """What `torch.profiler.profile(on_trace_ready=…)` calls: each trace becomes a file of the active run."""
    from torch.profiler import tensorboard_trace_handler

    from runlake.sdk.process.active import session

    folder = Path(session.active("profiler").dir) / "pytorch_traces"
    return tensorboard_trace_handler(str(folder))
