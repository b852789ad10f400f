"""What is wrong with a numbered list of entries: gaps, entries that cannot be read, what is no entry."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from runlake.errors import CorruptError
from runlake.store.care.damage import FROM_BACKUP, Damage
from runlake.store.care.strangers import stranger, visible_entries
from runlake.store.ledger import entry_name
from runlake.values import stored_json

_ENTRY = re.compile(r"\d{8}\.json")


class LedgerLoss(NamedTuple):
    """What is lost with a ledger, in words: by an entry that cannot be read, and besides those behind a gap."""

    unreadable: str
    but: str
    gap_advice: str


def check_ledger(ledger: Path, loss: LedgerLoss) -> Iterator[Damage]:
    """Kinds: foreign, missing, corrupt."""
    numbers = []
    for file in visible_entries(ledger):
        if not _ENTRY.fullmatch(file.name):
            yield stranger(file)
            continue
        numbers.append(int(file.stem))
        try:
            text = file.read_bytes()
            # What a power failure left empty was never read by anybody; what has no end yet is being written.
            if text.endswith(b"\n"):
                stored_json(text.decode())
        except (ValueError, CorruptError, IsADirectoryError):
            yield Damage("corrupt", file, loss.unreadable, FROM_BACKUP)
    gap = next((want for want, number in enumerate(numbers, 1) if number != want), None)
    if gap is not None:
        lost = f"what was decided from there on ({len(numbers) - gap + 1} of {len(numbers)} entries); {loss.but}"
        yield Damage("missing", ledger / entry_name(gap), lost, loss.gap_advice)
