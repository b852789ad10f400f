"""A tracker that keeps nothing: what making the rows costs by itself."""

from collections.abc import Callable
from pathlib import Path
from typing import Any


def start(folder: Path) -> tuple[Callable[[dict[str, float], int], Any], Callable[[], Any]]:
    return (lambda row, step: None), (lambda: None)
