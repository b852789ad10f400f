"""Which tracker wrote what lies at a place, and its runs."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from runlake.errors import BadValueError, NotFoundError
from runlake.importers import aim, mlflow, neptune, swanlab, tables, tensorboard, trackio, wandb_offline
from runlake.importers.foreign import ForeignRun, LeftOut


class Source(NamedTuple):
    """How the runs of one tracker are told from others, and read."""

    is_of: Callable[[Path], bool]
    read: Callable[[Path], Iterator[ForeignRun | LeftOut]]


SOURCES: Mapping[str, Source] = {
    "wandb": Source(wandb_offline.is_of, wandb_offline.read),
    "mlflow": Source(mlflow.is_of, mlflow.read),
    "trackio": Source(trackio.is_of, trackio.read),
    "swanlab": Source(swanlab.is_of, swanlab.read),
    "neptune": Source(neptune.is_of, neptune.read),
    "aim": Source(aim.is_of, aim.read),
    "tensorboard": Source(tensorboard.is_of, tensorboard.read),
    "table": Source(tables.is_of, tables.read),
}
"""In the order in which a place is asked: a folder may hold event files beside a folder of W&B's client."""


def find_source(place: Path) -> str:
    """The name of the tracker whose runs lie at a place. NotFoundError when there is nothing, or nothing of any."""
    if not place.exists():
        raise NotFoundError(f"{place} is not there")
    for name, source in SOURCES.items():
        if source.is_of(place):
            return name
    raise NotFoundError(
        f"{place} holds nothing that can be imported: no .wandb file of W&B's client, nothing of MLflow, Trackio, "
        "SwanLab, Neptune's exporter or Aim, no event files of TensorBoard, and it is no .csv, .parquet, .arrow or "
        ".jsonl table"
    )


def read_runs(place: Path, kind: str | None = None, python: str | None = None) -> Iterator[ForeignRun | LeftOut]:
    """The runs at a place, and what else lies there; of `kind`, where that is named.

    A run is read before the next one is asked for: what it is read from may be closed behind it.
    BadValueError for a kind that is not known. `python` is the interpreter that has the package of a tracker whose
    files only that can read.
    """
    name = kind or find_source(place)
    if name not in SOURCES:
        raise BadValueError(f"unknown kind {name!r}; choose from {', '.join(SOURCES)}")
    return aim.read(place, python) if name == "aim" else SOURCES[name].read(place)
