"""Whether readers can read a run: they are asked themselves, so that `check` never calls well what they fail at."""

from __future__ import annotations

from runlake.errors import NotFoundError, StoreError
from runlake.model import STEP, STREAMS, RunPath, Stream
from runlake.query.rows import scan
from runlake.query.rows.console import console_lines
from runlake.query.rows.dicts import read_python
from runlake.query.rows.tail import TailReader
from runlake.store.catalog.columns_file import columns_to_bytes
from runlake.store.catalog.run_columns import MarkedRun, RunColumns
from runlake.store.run.snapshot import reading
from runlake.store.run.state import list_generations, read_run
from runlake.store.store import Store


def why_unreadable(store: Store, path: RunPath) -> str | None:
    """What a reader of this run is told, of each of its generations; None where all of them are answered."""
    try:
        info = read_run(store, path)
        with reading(path):
            columns_to_bytes(RunColumns.of(path.entity, path.project, [MarkedRun("", info, 0, False)]))
        for generation in list_generations(store, path):
            read_run(store, path, generation=generation.generation)
            for stream in STREAMS:
                _read_rows(store, path, stream, generation.generation)
        tails = TailReader(store)
        for stream in STREAMS:
            scan.outline_history(store, path, stream=stream)
            tails.read(path, None, stream=stream, keys=[STEP], limit=None, last=None)
    except NotFoundError:
        return None  # nothing is there yet, or any more
    except (StoreError, OSError) as error:
        return str(error)
    return None


def _read_rows(store: Store, path: RunPath, stream: Stream, generation: str) -> None:
    scan.list_keys(store, path, stream=stream, generation=generation)
    history = scan.read_history(store, path, stream=stream, generation=generation)
    with reading(path):
        for series in history.series:
            if series.lane == "json":
                read_python(series.lane, series.values)
        if stream == "console":
            console_lines(history)
