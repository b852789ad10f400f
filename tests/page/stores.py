"""Small stores for tests of the page."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import runlake

HOSTILE = "<img src=x onerror=alert(1)> & \"quotes\" 'too' \N{SNOWMAN} " + "long " * 60
ODD_KEY = 'a/b.c "quoted" \N{ROCKET} ' + "k" * 280


def train(store: Path, name: str, rows: list[dict[str, Any]], **config: Any) -> str:
    """A finished run with these rows."""
    quiet = {"silent": True, "seal": "off"}
    with runlake.init(store=store, entity="ada", project="vision", name=name, config=config, settings=quiet) as run:
        for row in rows:
            run.log(row)
        print(f"\x1b[32mtrained\x1b[0m {name}")
    return run.id


def loss_rows(count: int, scale: float = 1.0) -> list[dict[str, Any]]:
    """A loss that falls, and what goes with it."""
    return [
        {"train/loss": scale * math.exp(-step / count * 4), "train/accuracy": 1 - math.exp(-step / count * 4)}
        for step in range(count)
    ]
