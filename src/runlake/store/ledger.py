"""A numbered list of entries that processes write together without a lock: who makes entry n has read all before it.

Two processes that want the same number find out which of them was first; the other reads what it missed, thinks again,
and tries the next. So whatever is decided in an entry is decided knowing every earlier one.

`Ledger` is what can be asked, `FolderLedger` the one in a folder (`store.ledger_in_memory` has the other).
There, an entry is a file ``<number>.json`` that is made once, with its content (`Tree.create_once`).
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol

from runlake.errors import CorruptError, NotFoundError, ReadOnlyError
from runlake.store.disk import READ_ONLY_ERRNOS
from runlake.store.tree import DISK_TREE, Tree
from runlake.values import encode_json, stored_json

PATIENCE_S = 2.0
"""How long an entry may be there without its content, where a disk has no links to make both at once."""


class Ledger(Protocol):
    """One such list. Any number of processes append to it and read it at once."""

    def append(self, number: int, body: dict[str, Any]) -> bool:
        """Make entry `number`, the one behind the last that was read; False when somebody else was first.

        Of all who try a number exactly one is told True. NotFoundError when the list was deleted, ReadOnlyError when it
        cannot be written.
        """
        ...

    def read_from(self, number: int) -> Iterator[tuple[int, dict[str, Any]]]:
        """The entries from `number` on with their numbers, which begin with 1, up to the last one that is there.

        An entry that was left without content is waited for, and then empty: it says nothing, to anybody. A list that
        was deleted has none. CorruptError for one whose content is not what was written.
        """
        ...


class FolderLedger:
    """The list in a folder of its own."""

    def __init__(self, folder: Path, tree: Tree = DISK_TREE, *, patience_s: float = PATIENCE_S) -> None:
        self.folder, self._tree, self._patience_s = folder, tree, patience_s

    def read_from(self, number: int) -> Iterator[tuple[int, dict[str, Any]]]:
        while True:
            try:
                body = self._read(number)
                if body is None:
                    return
                entry = stored_json(body) if body else {}
            except (ValueError, CorruptError, IsADirectoryError) as error:
                file = self._file(number)
                raise CorruptError(f"{file} cannot be read ({error}); restore it from a backup") from None
            yield number, entry
            number += 1

    def append(self, number: int, body: dict[str, Any]) -> bool:
        # The nonce tells an entry of ours from one like it: a network may answer a link that was made with an error.
        text = encode_json({**body, "nonce": os.urandom(8).hex()}) + "\n"
        try:
            return self._tree.create_once(self._file(number), text) or self._read(number) == text
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
                body = self._tree.read(self._file(number)).decode()
            except FileNotFoundError:
                return None
            if body.endswith("\n"):
                return body
            # On disks without hard links an entry is there a moment before its content.
            end = end or time.monotonic() + self._patience_s
            if time.monotonic() > end:
                return ""
            time.sleep(0.01)


def entry_name(number: int) -> str:
    """What the file of an entry is called."""
    return f"{number:08d}.json"
