"""A table that grows from log to log: each log stores the new rows, and names the file with those before.

The files of one table are a chain, ``{"columns", "data", "previous": {"path", "sha256", "size"}}``, so that a log
costs what is new, however long the table is by then.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from runlake.errors import CorruptError
from runlake.media.left_out import left_out
from runlake.media.stored import OpenFile, WriteFile, read_file
from runlake.values import decode_json

INCREMENTAL_TYPE = "incremental-table-file"
"""`_type` of a table whose file holds the last of its rows."""


@dataclass(frozen=True, slots=True)
class Increment:
    """What the last log of a table has stored: its first `row_count` rows under `columns`."""

    write_file: WriteFile
    key: str
    columns: list[Any]
    row_count: int
    stored: dict[str, Any]

    def goes_on(self, write_file: WriteFile, key: str, columns: list[Any], row_count: int) -> bool:
        """Whether a table as it is now, logged to this run under this key, holds those rows and maybe more."""
        place = (self.write_file, self.key, self.columns)
        return place == (write_file, key, columns) and self.row_count <= row_count

    def link(self) -> dict[str, Any]:
        """How the next file names this one."""
        return {name: self.stored[name] for name in ("path", "sha256", "size")}


def read_rows(value: Mapping[str, Any], open_file: OpenFile) -> tuple[list[Any], list[list[Any]]]:
    """Columns and rows of a stored table, those of the files before the last one first.

    Raises `CorruptError` for a file that is no table, and what `open_file` raises.
    """
    columns, rows, previous = _read_one(value, open_file)
    if previous is None and value.get("previous_increments_paths"):
        left_out(
            "read_media: a table that W&B's client logged with log_mode='INCREMENTAL' has its last rows only; "
            "those before are under the same key in earlier rows of the history"
        )
    parts = [rows]
    while previous is not None:
        _, rows, previous = _read_one(previous, open_file)
        parts.append(rows)
    return columns, [row for part in reversed(parts) for row in part]


def _read_one(
    value: Mapping[str, Any], open_file: OpenFile
) -> tuple[list[Any], list[list[Any]], dict[str, Any] | None]:
    content = read_file(value, open_file)
    try:
        body = decode_json(content.decode())
        return body["columns"], body["data"], body.get("previous")
    except (ValueError, KeyError, TypeError) as error:
        raise CorruptError(
            f"the file {value['path']!r} ({len(content)} bytes) is not a table: {error!r}; restore it from a copy"
        ) from error
