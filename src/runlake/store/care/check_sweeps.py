"""What is wrong with the sweeps of a project: their ledgers, and what is no sweep."""

from __future__ import annotations

from collections.abc import Iterator

from runlake.store.care.check_ledger import LedgerLoss, check_ledger
from runlake.store.care.damage import Damage
from runlake.store.care.strangers import stranger, visible_entries
from runlake.store.layout import Layout

_LOSS = LedgerLoss(
    unreadable="the whole sweep until it is back; its runs are whole",
    but="the runs are whole",
    gap_advice="runlake merge brings it from another copy of the store",
)


def check_sweeps(layout: Layout, entity: str, project: str) -> Iterator[Damage]:
    """Kinds: foreign, missing, corrupt."""
    for entry in visible_entries(layout.sweeps_dir(entity, project)):
        if not entry.is_dir() or (not (entry / "ledger").is_dir() and any(entry.iterdir())):
            yield stranger(entry)
        else:
            yield from check_ledger(entry / "ledger", _LOSS)
