"""Rows in parts as columns; `test_journal` has rows of every kind."""

import pytest

from runlake.errors import CorruptError
from runlake.store.journal.limits import WriterLimits
from runlake.store.journal.memory import MemoryJournal
from runlake.store.journal.rows import rows_of
from runlake.store.journal.scan import scan_part
from runlake.store.journal.writer import JournalWriter


def test_columns_are_as_wide_as_what_was_logged():
    journal = MemoryJournal()
    writer = JournalWriter(journal, "w", {}, limits=WriterLimits(rows_per_part=10))
    for step in range(25):
        writer.log(
            {"all": step, **({"some": float(step)} if step % 5 == 3 else {})}, step=step, timestamp=0.0, runtime=0.0
        )
    parts = [scan_part(journal.read(name), "w") for name, _ in journal.list_parts()]
    rows = rows_of("w", parts, "history")
    assert [
        (s.key, s.lane, None if s.rows is None else s.rows.tolist(), s.values.to_pylist()) for s in rows.series
    ] == [
        ("all", "i64", None, list(range(25))),
        ("some", "f64", [3, 8, 13, 18, 23], [3.0, 8.0, 13.0, 18.0, 23.0]),
    ]
    assert (rows.first_n, rows.row_count, rows.is_open) == (0, 25, False)
    later = rows_of("w", parts[1:], "history")
    assert (later.first_n, later.row_count) == (10, 15)
    assert rows_of("w", parts, "events") is None


def test_rows_that_are_missing_between_others_are_damage():
    journal = MemoryJournal()
    writer = JournalWriter(journal, "w", {}, limits=WriterLimits(rows_per_part=10))
    for step in range(25):
        writer.log({"a": step}, step=step, timestamp=0.0, runtime=0.0)
    parts = [scan_part(journal.read(name), "w") for name, _ in journal.list_parts()]
    with pytest.raises(CorruptError, match="writer w: 10 history rows are missing between its rows 0 and 24"):
        rows_of("w", [parts[0], parts[2]], "history")
