"""What is wrong with the sweeps of a project: ledgers with gaps, entries that cannot be read, what is no sweep."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from runlake.errors import CorruptError
from runlake.model import Finding
from runlake.store.layout import Layout
from runlake.store.sweeps.ledger import entry_name
from runlake.values import stored_json

_ENTRY = re.compile(r"\d{8}\.json")
_ELSEWHERE = "runlake merge brings it from another copy of the store"


def check_sweeps(layout: Layout, entity: str, project: str) -> Iterator[Finding]:
    """Places are within the project's folder. Kinds: foreign, missing, corrupt."""
    sweeps_dir = layout.sweeps_dir(entity, project)
    for entry in _entries(sweeps_dir):
        place = f"{sweeps_dir.name}/{entry.name}"
        if not entry.is_dir() or (not (entry / "ledger").is_dir() and any(entry.iterdir())):
            yield _foreign(place)
        else:
            yield from _check_ledger(entry / "ledger", f"{place}/ledger")


def _check_ledger(ledger: Path, place: str) -> Iterator[Finding]:
    files = _entries(ledger)
    numbers = []
    for file in files:
        if not _ENTRY.fullmatch(file.name):
            yield _foreign(f"{place}/{file.name}")
            continue
        numbers.append(int(file.stem))
        try:
            text = file.read_bytes()
            # What a power failure left empty was never read by anybody; what has no end yet is being written.
            if text.endswith(b"\n"):
                stored_json(text.decode())
        except (ValueError, CorruptError, IsADirectoryError):
            lost, advice = "the whole sweep until it is back; its runs are whole", "restore the file from a backup"
            yield Finding(kind="corrupt", place=f"{place}/{file.name}", lost=lost, advice=advice)
    gap = next((want for want, number in enumerate(numbers, 1) if number != want), None)
    if gap is not None:
        lost = (
            f"what was decided from there on ({len(numbers) - gap + 1} of {len(numbers)} entries); the runs are whole"
        )
        yield Finding(kind="missing", place=f"{place}/{entry_name(gap)}", lost=lost, advice=_ELSEWHERE)


def _foreign(place: str) -> Finding:
    return Finding(kind="foreign", place=place, lost="nothing", advice="move it elsewhere; readers ignore it")


def _entries(folder: Path) -> list[Path]:
    if not folder.is_dir():
        return []
    return sorted(entry for entry in folder.iterdir() if not entry.name.startswith("."))
