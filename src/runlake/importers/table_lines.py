"""The lines of tables that are text: those that are no rows are counted, and the others are read."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.csv as pc

_NAMED = 3


class BrokenLines:
    """Lines that are no rows: how many there are, and what is wrong with the first of them."""

    def __init__(self) -> None:
        self.count = 0
        self._named: list[str] = []

    def add(self, number: int, why: str) -> None:
        """Count a line, by its number in the file from 1 on."""
        self.count += 1
        if self.count <= _NAMED:
            self._named.append(f"line {number} is {why}")

    def text(self) -> str:
        """What is wrong, as a person reads it behind their count."""
        more = self.count - len(self._named)
        return f"of no row: {'; '.join([*self._named, *([f'and {more:,} more'] if more else [])])}"


def csv_batches(file: Path, broken: BrokenLines) -> Iterator[pa.RecordBatch]:
    """The rows of a CSV file, some at a time; `broken` learns of lines with more or fewer cells than the first one."""
    types = _types(file)

    def note(row: pc.InvalidRow) -> str:
        broken.add(row.number, f"of {row.actual_columns} cells, and not of {row.expected_columns}: {row.text[:60]!r}")
        return "skip"

    yield from _opened(file, pc.ParseOptions(invalid_row_handler=note), types)


def _types(file: Path) -> dict[str, pa.DataType]:
    """The type of each column, which pyarrow finds out from a beginning alone when it reads some rows at a time."""
    skipping = pc.ParseOptions(invalid_row_handler=lambda row: "skip")
    try:
        reader = _opened(file, skipping)
        for _ in reader:
            pass
        found = reader.schema
    except pa.ArrowInvalid:  # a later row has another type than the first ones, or the file is no table at all
        found = pc.read_csv(file, parse_options=skipping, convert_options=_conversions()).schema
    return dict(zip(found.names, found.types, strict=True))


def _opened(file: Path, parsed: pc.ParseOptions, types: dict[str, pa.DataType] | None = None) -> pc.CSVStreamingReader:
    # Lines have numbers as long as one thread reads them.
    return pc.open_csv(file, pc.ReadOptions(use_threads=False), parsed, _conversions(types))


def _conversions(types: dict[str, pa.DataType] | None = None) -> pc.ConvertOptions:
    return pc.ConvertOptions(strings_can_be_null=True, quoted_strings_can_be_null=False, column_types=types)
