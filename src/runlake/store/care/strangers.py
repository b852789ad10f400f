"""What lies in a folder of a store and is none of its files."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from runlake.store.care.damage import NOTHING, Damage


def visible_entries(folder: Path) -> list[Path]:
    """What is in a folder, sorted; nothing where it is none. Names that begin with a dot are anybody's."""
    if not folder.is_dir():
        return []
    return sorted(entry for entry in folder.iterdir() if not entry.name.startswith("."))


def find_strangers(folder: Path, is_ours: Callable[[Path], bool]) -> Iterator[Damage]:
    """What should not be in a folder."""
    yield from (stranger(entry) for entry in visible_entries(folder) if not is_ours(entry))


def stranger(place: Path) -> Damage:
    """A file or folder that should not be where it is."""
    return Damage("foreign", place, NOTHING, "move it elsewhere; readers ignore it")
