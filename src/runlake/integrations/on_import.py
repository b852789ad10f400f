"""Calls back when a module is imported: at once where it is there already, else right after it has been executed.

Loading PyTorch or TensorFlow just to change a constructor in them would cost seconds in programs that use neither.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Sequence
from importlib.machinery import ModuleSpec
from importlib.util import find_spec
from types import ModuleType
from typing import Any

Callback = Callable[[ModuleType], None]


class _Finder:
    """First among the finders while something is waited for; finds nothing itself."""

    def __init__(self) -> None:
        self.waiting: dict[str, list[Callback]] = {}
        self._asking = threading.local()

    def find_spec(self, name: str, path: Sequence[str] | None = None, target: Any = None) -> ModuleSpec | None:
        if name not in self.waiting or getattr(self._asking, "name", None) == name:
            return None
        self._asking.name = name  # the others are asked by the same machinery, which begins with this finder again
        try:
            spec = find_spec(name)
        finally:
            self._asking.name = None
        if spec is None or spec.loader is None:
            return None
        execute = spec.loader.exec_module

        def execute_and_call(module: ModuleType) -> None:
            execute(module)
            for callback in self.waiting.pop(name, []):
                callback(module)

        spec.loader.exec_module = execute_and_call  # type: ignore[method-assign]
        return spec


_FINDER = _Finder()


def on_import(name: str, callback: Callback) -> None:
    """Have `callback` called with the module `name`, once, as soon as it is there."""
    module = sys.modules.get(name)
    if module is not None:
        callback(module)
        return
    _FINDER.waiting.setdefault(name, []).append(callback)
    if _FINDER not in sys.meta_path:
        sys.meta_path.insert(0, _FINDER)


def forget(callback: Callback) -> None:
    """Do not call it any more."""
    for callbacks in _FINDER.waiting.values():
        if callback in callbacks:
            callbacks.remove(callback)
