"""The ledgers of a store that may be anybody's, read without following a link."""

from __future__ import annotations

from pathlib import Path

from runlake.store.ledger import entry_name
from runlake.store.plain_open import read_plain


def whole_entries(folder: Path) -> list[str]:
    """The whole entries of the ledger in a folder: up to a gap, or one that is only being written or is damaged."""
    found: list[str] = []
    while True:
        try:
            entry = folder / "ledger" / entry_name(len(found) + 1)
            content = read_plain(folder, entry).decode()
        except (FileNotFoundError, UnicodeDecodeError):
            return found
        if content and not content.endswith("\n"):
            return found
        found.append(content)
