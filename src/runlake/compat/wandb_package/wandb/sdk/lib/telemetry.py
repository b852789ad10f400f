"""Where integrations note which features of W&B are used: nobody is told."""

from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any


@contextmanager
def context(run: Any = None, obj: Any = None) -> Iterator[SimpleNamespace]:
    """What is set on this object, or on the parts W&B's has, is forgotten."""
    yield SimpleNamespace(feature=SimpleNamespace(), label=SimpleNamespace(), deprecated=SimpleNamespace())


__all__ = ["context"]
