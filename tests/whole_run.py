"""All that a reader can know of a run: what must stay the same whatever becomes of its files."""

from typing import NamedTuple

from runlake.model import STREAMS, RunInfo
from runlake.query.rows.scan import list_keys, read_history, sample_history
from runlake.store.run.state import read_run
from stored import RUN, as_dicts


class WholeRun(NamedTuple):
    """A run as it is read: rows, their times and their keys by stream, and the picture of each line."""

    info: RunInfo
    rows: dict[str, list[dict[str, object]]]
    times: dict[str, list[tuple[float, float]]]
    keys: dict[str, list[str]]
    lines: dict[str, list[tuple[list[dict[str, object]], int]]]


def everything(layout, path=RUN):
    """All that a reader can know of a run."""
    histories = {stream: read_history(layout, path, stream=stream) for stream in STREAMS}
    keys = {stream: list_keys(layout, path, stream=stream) for stream in STREAMS}
    return WholeRun(
        read_run(layout, path),
        {stream: as_dicts(history) for stream, history in histories.items()},
        {s: list(zip(h.timestamp.tolist(), h.runtime.tolist(), strict=True)) for s, h in histories.items()},
        keys,
        {key: [drawn(layout, path, key, samples) for samples in (3, 50)] for key in keys["history"]},
    )


def drawn(layout, path, key, samples):
    """The points that draw the line of a key, and of how many they were chosen."""
    sample = sample_history(layout, path, key, samples=samples)
    return as_dicts(sample), sample.source_row_count
