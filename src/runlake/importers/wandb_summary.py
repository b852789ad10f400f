"""The summary of a ``.wandb`` file: said piece by piece, of which only the last word on each key counts.

Each row comes with two messages about it. One has the items of the row that comes next, so that it need not be read
unless it is the last one of its keys; the other says how many seconds the run has lasted, mostly as the one before.
"""

from __future__ import annotations

from typing import Any

from runlake.importers.wandb_items import Names, edit, put, read_json, split_items
from runlake.importers.wandb_rows import PlainRow


class Summary:
    """What was said of it so far; nothing is read before somebody asks."""

    def __init__(self) -> None:
        self._document: dict[str, Any] = {}
        self._last_words: dict[bytes, bytes] = {}
        self._names = Names()
        self._last_odd = b""
        self._row_keys: dict[str, Any] = {}
        self._unread = b""

    def take(self, message: bytes) -> None:
        """A message. BadValueError for a value that is no JSON, WireError for what is no message."""
        if message == self._last_odd:
            return
        self._read_row()
        keys, texts, end = split_items(message)
        if end == len(message):
            self._last_words.update(zip(keys, texts, strict=True))
        else:
            self._read_last_words()
            edit(self._document, message)
            self._last_odd = message

    def take_row(self, message: bytes, row: PlainRow) -> None:
        """A message that has nothing but the items of a row."""
        if row.values.keys() == self._row_keys.keys():
            self._unread = message
            return
        self.take(message)
        self._row_keys = row.values

    def read(self) -> dict[str, Any]:
        """The summary so far."""
        self._read_row()
        self._read_last_words()
        return self._document

    def _read_row(self) -> None:
        message, self._unread, self._row_keys = self._unread, b"", {}
        if message:
            keys, texts, _ = split_items(message)
            self._last_words.update(zip(keys, texts, strict=True))

    def _read_last_words(self) -> None:
        for key, value_text in self._last_words.items():
            put(self._document, (self._names[key],), read_json(value_text))
        self._last_words.clear()
