"""What a journal holds, as plain Python: the slow and obvious reading that tests compare with."""

from runlake.store.journal.rows import rows_of
from runlake.store.journal.scan import scan_part
from runlake.values import Json


def rows_in(parts, stream="history"):
    """Rows as (step, timestamp, runtime, {path: canonical value}), oldest first, of scanned parts of one writer."""
    found = rows_of("w", parts, stream)
    if found is None:
        return []
    values = [{} for _ in range(found.row_count)]
    for series in found.series:
        places = range(found.row_count) if series.rows is None else series.rows
        for place, value in zip(places, series.values.to_pylist(), strict=True):
            assert series.key not in values[place], "one row has a key twice"
            values[place][series.key] = Json(value) if series.lane == "json" else value
    axes = (found.step.tolist(), found.timestamp.tolist(), found.runtime.tolist())
    return list(zip(*axes, values, strict=True))


def scan_all(journal, writer="w"):
    """All parts of a writer, scanned."""
    names = [name for name, _ in journal.list_parts() if name.writer == writer]
    return [scan_part(journal.read(name), str(name)) for name in names]


def rows_of_journal(journal, stream="history", writer="w"):
    """The rows of one writer's stream."""
    return rows_in(scan_all(journal, writer), stream)
