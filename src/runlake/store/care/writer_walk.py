"""One walk of one writer, from its first row to its last, through segments and parts: what is wrong with it.

What `check` tells of a writer and what `repair` makes of it follow from the same walk. Reads only.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import msgspec

from runlake.errors import CorruptError
from runlake.store.care.damage import FROM_BACKUP, Damage
from runlake.store.care.known_rows import KnownRows
from runlake.store.care.part_look import PartLook, file_of_part, is_stranger, look_at_part
from runlake.store.care.trail import Trail, follow_segment
from runlake.store.journal.journal import PartName
from runlake.store.run.snapshot import Snapshot, missing_ranges
from runlake.store.segment.meta import Meta

MOST_MISSING = 1000
"""Of one writer so many parts in a row may be gone; what claims to stand behind more stands there by mistake."""


@dataclass(slots=True)
class Walk:
    """What was found of one writer.

    `units` are its segments and parts in the order of the rows, also those that are missing; `strangers` are files
    under its name that are none of its parts. `here` are the numbers of what is no stranger and is not missing; `holes`
    are rows that must have been there, as text.
    """

    snapshot: Snapshot
    writer: str
    newest: int
    units: list[Meta | PartLook] = field(default_factory=list)
    strangers: list[PartLook] = field(default_factory=list)
    here: set[int] = field(default_factory=set)
    holes: str = ""

    @property
    def damages(self) -> list[Damage]:
        """Everything that is wrong with the writer, as `check` tells it."""
        looks = [*self.strangers, *(unit for unit in self.units if isinstance(unit, PartLook))]
        found = [damage for look in sorted(looks, key=lambda look: look.name) for damage in look.damages]
        if self.holes and not found:
            file = file_of_part(self.snapshot, PartName(self.writer, self.newest))
            lost = f"{self.holes} of this writer, in whichever part"
            found.append(Damage("missing", file, lost, "restore the run from a backup"))
        elif self.holes and found[0].kind == "missing":
            found[0] = replace(found[0], lost=f"{found[0].lost}; these are {self.holes}")
        return found

    def asks_for_repair(self, *, is_gone: bool) -> bool:
        """Whether there is anything that a repair mends. `is_gone`: its process lives no more: what is open ends.

        CorruptError when a part stands so far behind the others that it is none of this writer.
        """
        if all(isinstance(unit, PartLook) and unit.kind == "missing" for unit in self.units):
            return False  # nothing of it is here: the name is that of a stranger
        self._check_numbers()
        trail = Trail(self.writer, self.writer)
        for unit in self.units:
            if isinstance(unit, Meta):
                try:
                    change = follow_segment(unit, trail)
                except CorruptError:
                    return True
                if change.renamed or change.lost:
                    return True
            elif unit.kind != "sound" or (unit.is_open and unit.has_head and is_gone) or not _goes_on(unit, trail):
                return True
        return False

    def _check_numbers(self) -> None:
        for gap in missing_ranges(self.here):
            if len(gap) > MOST_MISSING:
                raise CorruptError(
                    f"{self.snapshot.path}: {PartName(self.writer, gap.stop)}: {len(gap)} parts before it are "
                    "nowhere, so it is none of this writer; move it elsewhere, or the segment that names it"
                )


def walk_writer(snapshot: Snapshot, writer: str, known: KnownRows, *, may_miss: bool = False) -> Walk:
    """What is wrong with the segments and parts of one writer; the rows of its parts are added to `known`.

    `may_miss`: a segment cannot be read, so that nobody can tell which parts and rows should be here.
    """
    behind = strangers_behind(snapshot, writer)
    strangers = [look_at_part(snapshot, name, known) for name in behind]
    snapshot = _without(snapshot, writer, behind)
    numbers = snapshot.numbers[writer]
    metas = {number: meta for meta in snapshot.metas for covered, number in meta.covers if covered == writer}
    parts = {name.number for name in snapshot.parts if name.writer == writer}
    nowhere = {number for gap in missing_ranges(numbers) for number in gap[:MOST_MISSING]}
    walk = Walk(snapshot, writer, max(numbers, default=0), strangers=strangers)
    if not numbers:
        return walk  # nothing of it is here: the name is that of a stranger
    walk.here = {*metas, walk.newest}
    before: Meta | None = None
    for number in sorted(numbers | nowhere):
        name = PartName(writer, number)
        meta = metas.get(number)
        if meta is not None:
            if meta is not before:
                walk.units.append(meta)
            before = meta
            continue
        if number in parts:
            look = look_at_part(snapshot, name, known)
            if look.kind not in ("foreign", "newer"):
                walk.here.add(number)
                walk.units.append(look)
                continue
            walk.strangers.append(look)
        if number != walk.newest:
            lost = "all rows and records of this part: it is in no segment either"
            is_told = number in nowhere and not may_miss
            damages = [Damage("missing", file_of_part(snapshot, name), lost, FROM_BACKUP)] if is_told else []
            walk.units.append(PartLook(name, "missing", damages))
    walk.holes = "" if may_miss else " and ".join(known.holes(writer))
    return walk


def strangers_behind(snapshot: Snapshot, writer: str) -> frozenset[PartName]:
    """What stands behind all parts of a writer under its name and is none of them.

    It proves nothing: neither that parts before it were there, nor that the one before it was closed, or is let go.
    """
    numbers = sorted(snapshot.numbers[writer])
    found: list[PartName] = []
    while numbers and (name := PartName(writer, numbers.pop())) in snapshot.parts and is_stranger(snapshot, name):
        found.append(name)
    return frozenset(found)


def _without(snapshot: Snapshot, writer: str, names: frozenset[PartName]) -> Snapshot:
    parts = [name for name in snapshot.parts if name not in names]
    numbers = snapshot.numbers[writer] - {name.number for name in names}
    return msgspec.structs.replace(snapshot, parts=parts, numbers={**snapshot.numbers, writer: numbers})


def _goes_on(look: PartLook, trail: Trail) -> bool:
    """Whether the rows of a part follow those before it, and under the same name."""
    if trail.target != trail.writer:
        return False
    for stream, (first_n, end) in look.rows.items():
        if trail.lose_before(stream, first_n):
            return False
        trail.keep(stream, end)
    return not any(trail.lose_before(stream, n) for stream, n in look.first.items())
