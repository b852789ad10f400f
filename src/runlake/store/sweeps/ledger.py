"""A numbered list of entries that processes write together without a lock: who makes entry n has read all before it.

An entry is a file ``<number>.json`` that is made once, with its content (`incarnation.create_once`). Two processes that
want the same number find out which of them was first; the other reads what it missed, thinks again, and tries the next.
So whatever is decided in an entry is decided knowing every earlier one.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from runlake.errors import CorruptError, NotFoundError, ReadOnlyError
from runlake.store.disk import READ_ONLY_ERRNOS, create_once
from runlake.values import encode_json, stored_json

_PATIENCE_S = 2.0


class Ledger:
    """One such list, in a folder of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def read_from(self, number: int) -> Iterator[tuple[int, dict[str, Any]]]:
        """The entries from `number` on, numbers begin with 1.

        An entry that a power failure left without content is passed over: it says nothing, to anybody. CorruptError for
        one whose content is not what was written.
        """
        while True:
            try:
                body = self._read(number)
                if body is None:
                    return
                entry = stored_json(body) if body else None
            except (ValueError, CorruptError, IsADirectoryError) as error:
                file = self._file(number)
                raise CorruptError(f"{file} cannot be read ({error}); restore it from a backup") from None
            if entry is not None:
                yield number, entry
            number += 1

    def append(self, number: int, body: dict[str, Any]) -> bool:
        """Make entry `number`; False when somebody else was first.

        NotFoundError when the folder is gone, ReadOnlyError when it cannot be written.
        """
        # The nonce tells an entry of ours from one like it: a network may answer a link that was made with an error.
        text = encode_json({**body, "nonce": os.urandom(8).hex()}) + "\n"
        try:
            return create_once(self._file(number), text) or self._read(number) == text
        except FileNotFoundError:
            raise NotFoundError(f"{self.folder} is gone: it was deleted") from None
        except OSError as error:
            if error.errno not in READ_ONLY_ERRNOS:
                raise
            raise ReadOnlyError(f"{self.folder} cannot be written: {error}") from error

    def _file(self, number: int) -> Path:
        return self.folder / entry_name(number)

    def _read(self, number: int) -> str | None:
        """The whole text of an entry, None when there is none yet, empty when it has no content."""
        end = 0.0
        while True:
            try:
                body = self._file(number).read_text("utf-8")
            except FileNotFoundError:
                return None
            if body.endswith("\n"):
                return body
            # On disks without hard links an entry is there a moment before its content.
            end = end or time.monotonic() + _PATIENCE_S
            if time.monotonic() > end:
                return ""
            time.sleep(0.01)


def entry_name(number: int) -> str:
    """What the file of an entry is called."""
    return f"{number:08d}.json"
