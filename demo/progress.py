"""How far the training is: a bar on a terminal, a line a run elsewhere."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from demo.model import Setting


class Reporter:
    """Told of each setting and each epoch; shows a bar if there is one."""

    def __init__(self, progress: Progress | None, epoch_count: int) -> None:
        self._progress = progress
        self._task = None if progress is None else progress.add_task("training", total=epoch_count)

    def begin(self, setting: Setting) -> None:
        """The next run begins."""
        if self._progress is None or self._task is None:
            print(f"training {setting.name} …", flush=True)
        else:
            self._progress.update(self._task, description=setting.name)

    def epoch(self) -> None:
        """One more epoch is done."""
        if self._progress is not None and self._task is not None:
            self._progress.advance(self._task)


@contextmanager
def reporting(epoch_count: int) -> Iterator[Reporter]:
    """A reporter for so many epochs; its bar is gone afterwards."""
    if not sys.stdout.isatty():
        yield Reporter(None, epoch_count)
        return
    columns = (TextColumn("{task.description:<12}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(), transient=True) as progress:
        yield Reporter(progress, epoch_count)
