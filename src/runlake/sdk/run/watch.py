"""`watch`: histograms of the gradients and parameters of a PyTorch model, taken by hooks while it trains.

torch is not imported here: what a model is asked for are its own methods. Hooks are objects rather than functions
because a model is copied and saved by its user, and must not take the run along: a copy's hooks do nothing.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Literal

from runlake.errors import BadValueError, LogTypeError, UsageError, warn
from runlake.media.histogram import Histogram

Watched = Literal["gradients", "parameters", "all"]

LogRow = Callable[[Mapping[str, Any]], None]
"""Adds values to the run's open row without closing it."""


class Watcher:
    """Watches models and hands histograms to `log`, which is to leave the row open.

    The keys are ``gradients/<parameter>`` and ``parameters/<parameter>``, with ``graph_<number>`` before the name of
    the parameter for all models but the first.
    """

    def __init__(self, log: LogRow) -> None:
        self._log = log
        self._handles: dict[int, tuple[Any, list[Any]]] = {}
        self._next_index = 0

    def watch(
        self,
        models: Any,
        criterion: Any = None,
        log: Watched | None = "gradients",
        log_freq: int = 1000,
        idx: int | None = None,
        log_graph: bool = False,
    ) -> None:
        """Log histograms of one model or several, each `log_freq`-th time that they are computed.

        Gradients are taken in the backward pass, parameters in the forward pass; `log` picks one, ``"all"`` or None
        of them. NaN and infinities are counted beside the bins. `criterion` has no meaning here, and the graph of
        a model is not recorded. Raises `LogTypeError` for what is no PyTorch model, `UsageError` for one that is
        watched already, `BadValueError` for other arguments.
        """
        if log not in ("gradients", "parameters", "all", None):
            raise BadValueError(f'watch: log={log!r}; possible: "gradients", "parameters", "all", None')
        if isinstance(log_freq, bool) or not hasattr(log_freq, "__index__") or int(log_freq) < 1:
            raise BadValueError(f"watch: log_freq={log_freq!r}; give a whole number, 1 for every pass")
        chosen = list(models) if isinstance(models, list | tuple) else [models]
        for model in chosen:
            _check_model(model)
            if id(model) in self._handles:
                raise UsageError(
                    f"watch: this {type(model).__name__} is watched already; call unwatch(model) first to change how"
                )
        if log_graph:
            warn("watch: the graph of a model is not recorded")
        first = self._next_index if idx is None else int(idx)
        for index, model in enumerate(chosen, first):
            prefix = f"graph_{index}" if index else ""
            handles: list[Any] = []
            self._handles[id(model)] = (model, handles)
            if log in ("gradients", "all"):
                handles += [
                    parameter.register_hook(GradientHook(self._log, f"gradients/{prefix}{name}", log_freq))
                    for name, parameter in model.named_parameters()
                    if parameter.requires_grad
                ]
            if log in ("parameters", "all"):
                handles.append(model.register_forward_hook(ParameterHook(self._log, f"parameters/{prefix}", log_freq)))
        self._next_index = max(self._next_index, first + len(chosen))

    def unwatch(self, models: Any = None) -> None:
        """Take the hooks off one model, several, or all; models that are not watched are passed over."""
        if models is None:
            chosen: Iterable[Any] = [model for model, _ in self._handles.values()]
        else:
            chosen = models if isinstance(models, list | tuple) else [models]
        for model in chosen:
            _, handles = self._handles.pop(id(model), (None, []))
            for handle in handles:
                handle.remove()


class Hook:
    """Calls what it stands for each `every`-th time; its copies do nothing, and so can be saved with a model."""

    # torch warns of hooks on a tensor that is saved, unless they say this.
    __torch_unserializable__ = True

    def __init__(self, log: LogRow, key: str, every: int) -> None:
        self._log, self._key, self._every = log, key, int(every)
        self._count = 0
        self._lock = threading.Lock()

    def _is_due(self) -> bool:
        with self._lock:  # several devices run their backward passes in threads
            self._count = (self._count + 1) % self._every
            return self._count == 0

    def __reduce__(self) -> tuple[type[IdleHook], tuple[()]]:
        return IdleHook, ()


class IdleHook:
    """What a copied hook becomes."""

    __torch_unserializable__ = True

    def __call__(self, *args: Any) -> None:
        return None


class GradientHook(Hook):
    """Called with a parameter's gradient."""

    def __call__(self, gradient: Any) -> None:
        if self._is_due():
            self._log({self._key: histogram_of(gradient)})


class ParameterHook(Hook):
    """Called after a model's forward pass."""

    def __call__(self, model: Any, inputs: Any, output: Any) -> None:
        if self._is_due():
            self._log({f"{self._key}{name}": histogram_of(tensor) for name, tensor in model.named_parameters()})


def histogram_of(tensor: Any) -> Histogram:
    """The values of a tensor on any device, dense or sparse, as a histogram of 64 bins; of complex ones the sizes."""
    tensor = tensor.detach()
    if getattr(tensor, "is_sparse", False):
        tensor = tensor.coalesce().values()
    if getattr(tensor, "is_complex", bool)():
        tensor = tensor.abs()
    # On the way through the processor, since not every device has float64.
    return Histogram(tensor.cpu())


def _check_model(model: Any) -> None:
    if not (hasattr(model, "named_parameters") and hasattr(model, "register_forward_hook")):
        raise LogTypeError(
            f"watch: a {type(model).__module__}.{type(model).__qualname__} is no PyTorch model; "
            "give a torch.nn.Module, or a list of them"
        )
