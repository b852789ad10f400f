"""What is wrong with a file of a store, and what a repair does about it: the one value that `check` prints and `repair`
works on."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from runlake.model import Finding, Repair

FROM_BACKUP = "restore the file from a backup"
NOTHING = "nothing"


@dataclass(frozen=True, slots=True)
class Damage:
    """One thing that is wrong: the file, the byte where one is known, what is lost, and what to do.

    `kind` as in `Finding`. `is_name_odd`: the name of the file is somebody else's, and may hold anything.
    """

    kind: str
    file: Path
    lost: str
    advice: str
    byte: int | None = None
    is_name_odd: bool = False

    def as_finding(self, folder: Path) -> Finding:
        """As `check` tells it: places are within the folder of the run, the project or the store."""
        place = _place(self, folder)
        return Finding(kind=self.kind, place=place, lost=self.lost, advice=self.advice)

    def left(self, why: str) -> Remedy:
        """That nothing is done about it."""
        return Remedy(self.kind, self.file, why, self.lost, self.byte, is_mended=False, is_name_odd=self.is_name_odd)


@dataclass(frozen=True, slots=True)
class Remedy:
    """What a repair did about something, or would do, or why nothing: `kind` as in `Repair`."""

    kind: str
    file: Path
    remedy: str
    lost: str = NOTHING
    byte: int | None = None
    is_mended: bool = True
    is_name_odd: bool = False

    def as_repair(self, folder: Path) -> Repair:
        """As `repair` tells it."""
        place = _place(self, folder)
        return Repair(kind=self.kind, place=place, remedy=self.remedy, lost=self.lost, is_mended=self.is_mended)


def _place(what: Damage | Remedy, folder: Path) -> str:
    place = Path(os.path.relpath(what.file, folder)).as_posix()
    place = place if what.byte is None else f"{place}, byte {what.byte}"
    return ascii(place)[1:-1] if what.is_name_odd else place
