"""What is wrong with a file of a run, and what a repair does about it: the one value that `check` prints and `repair`
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

    def as_finding(self, run_dir: Path) -> Finding:
        """As `check` tells it: places are within the run's folder."""
        place = _place(self.file, run_dir, self.byte)
        place = ascii(place)[1:-1] if self.is_name_odd else place
        return Finding(kind=self.kind, place=place, lost=self.lost, advice=self.advice)


@dataclass(frozen=True, slots=True)
class Remedy:
    """What a repair did about something, or would do, or why nothing: `kind` as in `Repair`."""

    kind: str
    file: Path
    remedy: str
    lost: str = NOTHING
    byte: int | None = None
    is_mended: bool = True

    def as_repair(self, run_dir: Path) -> Repair:
        """As `repair` tells it."""
        place = _place(self.file, run_dir, self.byte)
        return Repair(kind=self.kind, place=place, remedy=self.remedy, lost=self.lost, is_mended=self.is_mended)


def leave(finding: Finding, why: str) -> Repair:
    """That nothing can be done about something."""
    return Repair(kind=finding.kind, place=finding.place, remedy=why, lost=finding.lost, is_mended=False)


def _place(file: Path, run_dir: Path, byte: int | None) -> str:
    place = Path(os.path.relpath(file, run_dir)).as_posix()
    return place if byte is None else f"{place}, byte {byte}"
