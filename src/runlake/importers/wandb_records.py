"""The records of a ``.wandb`` file by the numbers of their fields, one by one and some megabytes at a time."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from runlake.errors import BadValueError
from runlake.importers.wandb_items import only_field
from runlake.importers.wandb_log import read_records
from runlake.importers.wandb_rows import PlainRow, read_plain
from runlake.integrations.tensorboard.wire import WireError, fields

Record = tuple[int, int | bytes]
"""What a record is, by the number of its field, and its content."""

HISTORY, SUMMARY = 2, 3
OFTEN = frozenset({HISTORY, SUMMARY})
"""Nearly all records of most logs are of these."""

_NOT_COUNTED = frozenset({1, 11, 16, 19, 20, 21, 22, 27, 100, 200})
"""Fields of a record that are the client's own: numbers, telemetry, controls, requests."""

_PIECE_BYTES, _PIECE_RECORDS = 4 * 2**20, 16384


def read_log_records(log: Path, problems: list[str]) -> Iterator[Record]:
    """What each record is, by the number of its field, and its content."""
    found: list[str] = []
    with log.open("rb") as file:
        try:
            for record in read_records(file, found):
                if (only := only_field(record, OFTEN)) is not None:
                    yield only
                    continue
                for number, _, content in fields(record):
                    if number not in _NOT_COUNTED:
                        yield number, content
        except WireError as error:
            found.append(f"a record is none: {error}")
        except BadValueError as error:
            raise BadValueError(f"{log}: {error}") from None
        finally:
            problems += [f"{log.name}: {problem}" for problem in found]


def in_pieces(records: Iterator[Record]) -> Iterator[list[Record]]:
    """Records, some megabytes at a time."""
    piece: list[Record] = []
    size_bytes = 0
    for record in records:
        piece.append(record)
        size_bytes += len(record[1]) if isinstance(record[1], bytes) else 0
        if size_bytes >= _PIECE_BYTES or len(piece) >= _PIECE_RECORDS:
            yield piece
            piece, size_bytes = [], 0
    yield piece


def plain_rows(piece: list[Record]) -> dict[int, PlainRow]:
    """The rows among some records that are read at once, by their places."""
    messages = {
        place: content
        for place, (number, content) in enumerate(piece)
        if number == HISTORY and isinstance(content, bytes)
    }
    found = zip(messages, read_plain(list(messages.values())), strict=True)
    return {place: row for place, row in found if row is not None}
