"""How far long work on artifacts is, shown on a terminal as other long work of runlake is."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

Tell = Callable[[int], None]
"""Is told of each piece of work how many bytes it was."""

SHOWN_FROM_BYTES = 50 << 20
"""Less is done before anybody asks how far it is."""


@contextmanager
def progress_bar(title: str, total_bytes: int, *, is_shown: bool = True) -> Iterator[Tell]:
    """What is to be told of the bytes that are done; a bar on stderr while the block runs, where that is a terminal."""
    if not is_shown or total_bytes < SHOWN_FROM_BYTES or not sys.stderr.isatty():
        yield lambda _: None
        return
    from rich import progress as bars
    from rich.console import Console

    columns = (
        bars.TextColumn("{task.description}", markup=False),
        bars.BarColumn(),
        bars.DownloadColumn(),
        bars.TransferSpeedColumn(),
        bars.TimeRemainingColumn(),
    )
    lock = threading.Lock()
    with bars.Progress(*columns, console=Console(file=sys.stderr), transient=True) as shown:
        task = shown.add_task(title, total=total_bytes)

        def tell(done_bytes: int) -> None:
            with lock:
                shown.advance(task, done_bytes)

        yield tell
