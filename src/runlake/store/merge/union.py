"""What joining two copies of a run takes from the other copy: listings and bytes in, decisions out. Pure.

A copy of a run is a set of files of which none changes once it is closed. So the union is simple: segments by name, of
a part the copy that has more of it, files by name. What cannot be two states of one file, because neither goes on
from the other, is kept twice.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal, NamedTuple

from runlake.errors import CorruptError
from runlake.store.journal.journal import PartName
from runlake.store.journal.scan import scan_part
from runlake.store.segment.meta import Meta

_BESIDE_DIGITS = 8
_MAX_FILE_NAME_BYTES = 240


def wanted_metas(ours: list[Meta], theirs: list[Meta]) -> list[Meta]:
    """The segments to take, in the order to publish them: who is killed in between leaves no hole.

    One whose parts are all in our segments is not wanted, however it divides them, and neither is one that was
    replaced.
    """
    covered = {part for meta in ours for part in meta.covers}
    known = {meta.name for meta in ours} | {name for meta in (*ours, *theirs) for name in meta.supersedes}
    wanted = [meta for meta in theirs if meta.name not in known and not covered.issuperset(meta.covers)]
    ordered: list[Meta] = []
    while wanted:
        first: dict[str, int] = {}
        for writer, number in (part for meta in wanted for part in meta.covers):
            first[writer] = min(number, first.get(writer, number))
        begins = [m for m in wanted if {(w, first[w]) for w, _ in m.covers} <= set(m.covers)]
        chosen = min(begins or wanted, key=lambda m: (len(m.supersedes), m.name))
        ordered.append(chosen)
        wanted.remove(chosen)
    return ordered


def wanted_parts(metas: Iterable[Meta], theirs: Iterable[PartName]) -> list[PartName]:
    """The parts to look at, in order: those that are in no segment of either copy."""
    covered = {part for meta in metas for part in meta.covers}
    return sorted(name for name in theirs if name not in covered)


class PartChoice(NamedTuple):
    """`taken_bytes`: our part becomes so much of theirs; None: it stays.

    `beside`: whose copy is kept under another name; of theirs only `their_bytes` are worth that.
    """

    taken_bytes: int | None = None
    beside: Literal["ours", "theirs"] | None = None
    their_bytes: int = 0


def choose_part(ours: bytes | None, theirs: bytes, *, is_followed: bool) -> PartChoice:
    """Which copy of a part has more whole frames; a torn tail is not taken. NewerFormatError for a later format.

    `is_followed`: its writer went on in another part, so that even an empty one says something. A damaged copy is
    taken where there is no other, so that it is named here as it is there, and gives way to a sound one.
    """
    if ours is not None and ours.startswith(theirs):
        return PartChoice()
    their_bytes, is_theirs_sound = _whole_frames(theirs)
    theirs = theirs[:their_bytes]
    if ours is None:
        return PartChoice(their_bytes) if their_bytes or is_followed else PartChoice()
    our_bytes, is_ours_sound = _whole_frames(ours)
    if not is_theirs_sound or (is_ours_sound and ours.startswith(theirs)):
        return PartChoice()
    if is_ours_sound and theirs.startswith(ours[:our_bytes]):
        return PartChoice(their_bytes)
    if not is_ours_sound or (their_bytes, theirs) > (our_bytes, ours):
        return PartChoice(their_bytes, "ours", their_bytes)
    return PartChoice(None, "theirs", their_bytes)


def _whole_frames(data: bytes) -> tuple[int, bool]:
    """How many bytes are whole frames, and whether all are as they were written."""
    try:
        return scan_part(data, "a part").valid_bytes, True
    except CorruptError:
        return len(data), False


class FileLook(NamedTuple):
    """What decides between two files of one name."""

    modified_at_ns: int
    digest: str


def is_newer(theirs: FileLook, ours: FileLook) -> bool:
    """Whether theirs takes the name; the same answer from the other side, also for files of one time."""
    return theirs > ours


def beside(name: str, digest: str) -> str:
    """The name under which the loser of two files of one name is kept."""
    ending = f"~{digest[:_BESIDE_DIGITS]}"
    return name.encode()[: _MAX_FILE_NAME_BYTES - len(ending)].decode("utf-8", "ignore") + ending
