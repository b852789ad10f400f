"""What is wrong with the sweeps of a project: ledgers with gaps, entries that cannot be read, what is no sweep."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from runlake.errors import CorruptError
from runlake.store.care.damage import FROM_BACKUP, Damage
from runlake.store.care.strangers import stranger, visible_entries
from runlake.store.layout import Layout
from runlake.store.ledger import entry_name
from runlake.values import stored_json

_ENTRY = re.compile(r"\d{8}\.json")
_ELSEWHERE = "runlake merge brings it from another copy of the store"


def check_sweeps(layout: Layout, entity: str, project: str) -> Iterator[Damage]:
    """Kinds: foreign, missing, corrupt."""
    for entry in visible_entries(layout.sweeps_dir(entity, project)):
        if not entry.is_dir() or (not (entry / "ledger").is_dir() and any(entry.iterdir())):
            yield stranger(entry)
        else:
            yield from _check_ledger(entry / "ledger")


def _check_ledger(ledger: Path) -> Iterator[Damage]:
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
            yield Damage("corrupt", file, "the whole sweep until it is back; its runs are whole", FROM_BACKUP)
    gap = next((want for want, number in enumerate(numbers, 1) if number != want), None)
    if gap is not None:
        lost = (
            f"what was decided from there on ({len(numbers) - gap + 1} of {len(numbers)} entries); the runs are whole"
        )
        yield Damage("missing", ledger / entry_name(gap), lost, _ELSEWHERE)
