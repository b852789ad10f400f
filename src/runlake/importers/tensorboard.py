"""Runs that TensorBoard shows: each folder that holds event files, as `tensorboard --logdir` would list it."""

from __future__ import annotations

import itertools
import os
import time
from collections.abc import Iterator
from pathlib import Path

from runlake.importers.foreign import ForeignRow, ForeignRun, mark_of
from runlake.integrations.tensorboard.event_file import EventFile, FileRow
from runlake.model import LoggedRow, WriterBatch, WriterStart

MARK = ".tfevents."

LIVE_S = 300.0
"""Event files do not say that a run has ended: who wrote to one lately may go on, and then so may the import."""


def is_of(place: Path) -> bool:
    """Whether a file is an event file, or a folder holds one, at any depth."""
    return next(_folders(place), None) is not None


def read(place: Path) -> Iterator[ForeignRun]:
    """Each folder of event files as a run, called like its path from `place`."""
    for folder, files in _folders(place):
        name = folder.relative_to(place).as_posix() if folder != place and place.is_dir() else folder.resolve().name
        yield _read_folder(folder, name, files)


def _folders(place: Path) -> Iterator[tuple[Path, list[Path]]]:
    if place.is_file():
        yield from [(place.parent, [place])] if MARK in place.name else []
        return
    for folder, inner, names in os.walk(place):
        inner.sort()
        if files := sorted(Path(folder, name) for name in names if MARK in name):
            yield Path(folder), files


def _read_folder(folder: Path, name: str, files: list[Path]) -> ForeignRun:
    problems: list[str] = []
    said = _read_files(files, problems)
    first = next(said, None)
    started_at = first.row.timestamp if isinstance(first, ForeignRow) else files[0].stat().st_mtime
    return ForeignRun(
        run_id=name.replace("/", "-"),
        # Event files say in their names when they were begun, where, and by whom: these stay when the files move.
        mark=mark_of("tensorboard", name, files[0].name),
        place=str(folder),
        start=WriterStart(name=name, resume="never", created_at=started_at),
        said=said if first is None else _since(started_at, itertools.chain([first], said)),
        problems=problems,
    )


def _read_files(files: list[Path], problems: list[str]) -> Iterator[ForeignRow | WriterBatch]:
    """The rows of one file after the other; the hyperparameters of each are the run's config."""
    config: dict[str, object] = {}
    for path in files:
        file = EventFile(path, "", problems.append)
        yield from map(_row, itertools.chain.from_iterable(file.read_pieces()))
        yield from map(_row, file.close())
        if file.hyperparameters:
            config |= file.hyperparameters
            yield WriterBatch(config=dict(config))
    if time.time() - max(path.stat().st_mtime for path in files) > LIVE_S:
        yield WriterBatch(exit_code=0)


def _row(row: FileRow) -> ForeignRow:
    return ForeignRow("history", LoggedRow(row.step, row.wall_time, 0.0, row.values))


def _since(started_at: float, said: Iterator[ForeignRow | WriterBatch]) -> Iterator[ForeignRow | WriterBatch]:
    """The same with the time since the start in each row."""
    for each in said:
        if isinstance(each, ForeignRow):
            row = each.row._replace(runtime=max(0.0, each.row.timestamp - started_at))
            each = ForeignRow(each.stream, row)
        yield each
