"""One copy of a run as files, and what another copy has that it lacks."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from runlake.errors import CorruptError
from runlake.store import segment
from runlake.store.decode import scan_part
from runlake.store.folder_journal import FolderJournal
from runlake.store.join_runs import FileLook, beside, choose_part, is_newer, wanted_metas, wanted_parts
from runlake.store.journal import PartName
from runlake.store.layout import TEMPORARY_PREFIX
from runlake.store.run_state import is_alive, part_header
from runlake.store.segment_meta import Meta, read_meta
from runlake.store.snapshot import meta_names
from runlake.store.staging import Piece

_PART_HEAD_BYTES = 65_536
_FILE, _VALUES, _FIRST_META = range(3)


class MovedError(Exception):
    """A copy is another than it was when it was looked at."""


@dataclass(frozen=True, slots=True)
class RunCopy:
    """A run's folder and what was in it at one moment; nothing, where it is not there yet."""

    run_dir: Path
    metas: tuple[Meta, ...] = ()
    parts: tuple[PartName, ...] = ()
    incarnations: frozenset[str] = frozenset()

    @property
    def segments_dir(self) -> Path:
        return self.run_dir / "segments"

    @property
    def journal(self) -> FolderJournal:
        return FolderJournal(self.run_dir / "journal")

    def is_current(self) -> bool:
        """Whether no sealer was here since."""
        return meta_names(self.segments_dir) == {meta.name for meta in self.metas}

    def is_running(self) -> bool:
        """Whether a process lives that has not ended its journal."""
        newest = {name.writer: name for name in self.parts}
        return any(is_alive(self.journal, name.writer) and self._is_open(name) for name in newest.values())

    def _is_open(self, name: PartName) -> bool:
        try:
            return scan_part(self.journal.read(name), str(name)).end == "open"
        except CorruptError:
            return True


def look_at(run_dir: Path) -> RunCopy:
    """What is there now. FileNotFoundError when it is being sealed: look again."""
    segments_dir, journal = run_dir / "segments", FolderJournal(run_dir / "journal")
    metas = tuple(read_meta(segments_dir / f"{name}.meta") for name in sorted(meta_names(segments_dir)))
    parts = tuple(name for name, _ in journal.list_parts())
    found = {meta.incarnation for meta in metas}
    for name in parts:
        with (journal.folder / str(name)).open("rb") as file:
            try:
                header = part_header(file.read(_PART_HEAD_BYTES), f"{run_dir.name}: {name}")
            except CorruptError:
                continue  # another part may say which run it is
        found |= {header["incarnation"]} if header else set()
    return RunCopy(run_dir, metas, parts, frozenset(found))


def missing_pieces(ours: RunCopy, theirs: RunCopy, their_project_dir: Path) -> Iterator[Piece]:
    """What makes `ours` the union of both. MovedError and FileNotFoundError when one of them moves meanwhile.

    CorruptError where a segment names a file outside of its project.
    """
    # What we would keep beside may be kept beside there already.
    yield from {piece.place: piece for piece in _files(ours, theirs)}.values()
    metas = wanted_metas(list(ours.metas), list(theirs.metas))
    for meta in metas:
        for place in meta.files.values():
            yield from _values(ours, theirs, place, their_project_dir)
    # A phase for each of these: whatever is seen is seen with all that comes before it.
    for number, meta in enumerate(metas):
        file = f"{meta.name}.meta"
        yield Piece(_FIRST_META + number, f"segments/{file}", theirs.segments_dir / file)
    for number, name in enumerate(wanted_parts((*ours.metas, *theirs.metas), theirs.parts)):
        yield from _part(ours, theirs, name, _FIRST_META + len(metas) + number)


def _values(ours: RunCopy, theirs: RunCopy, place: str, their_project_dir: Path) -> Iterator[Piece]:
    """A file of values and its series; several runs may share it, which then lies in the project's folder."""
    for source in (theirs.segments_dir / place, segment.series_file(theirs.segments_dir / place)):
        target = ours.segments_dir / PurePosixPath(place).with_name(source.name)
        if not source.resolve().is_relative_to(their_project_dir.resolve()):
            raise CorruptError(f"a segment of {theirs.run_dir} names {place}, which lies outside of its project")
        size_bytes = source.stat().st_size
        if not _is_file_of(Path(os.path.normpath(target)), size_bytes):
            # Without its time: a sealer removes old Parquet files that no meta file names yet.
            yield Piece(_VALUES, os.path.relpath(target, ours.run_dir).replace(os.sep, "/"), source)


def _is_file_of(place: Path, size_bytes: int) -> bool:
    try:
        return place.stat().st_size == size_bytes
    except FileNotFoundError:
        return False


def _part(ours: RunCopy, theirs: RunCopy, name: PartName, phase: int) -> Iterator[Piece]:
    is_here = name in ours.parts
    if is_here and ours.journal.is_held(name):
        return  # its writer lives here, so nobody has more of it
    mine, their_file = ours.journal.folder / str(name), theirs.journal.folder / str(name)
    modified_at_ns = their_file.stat().st_mtime_ns
    data = theirs.journal.read(name)
    is_followed = any(part.writer == name.writer and part.number > name.number for part in theirs.parts)
    choice = choose_part(ours.journal.read(name) if is_here else None, data, is_followed=is_followed)
    if choice.beside is not None:
        kept = Piece(phase, "", mine) if choice.beside == "ours" else Piece(phase, "", their_file, choice.their_bytes)
        place = f"journal/{beside(str(name), _digest(kept.content, kept.limit_bytes))}"
        if not (ours.run_dir / place).exists():
            yield replace(kept, place=place, is_beside=True)
    if choice.taken_bytes is not None:
        yield Piece(phase, f"journal/{name}", their_file, choice.taken_bytes, modified_at_ns)


# The files of a run -------------------------------------------------------------------------------------------


def _files(ours: RunCopy, theirs: RunCopy) -> Iterator[Piece]:
    our_dir, their_dir = ours.run_dir / "files", theirs.run_dir / "files"
    for source in sorted(_walk(their_dir, their_dir.resolve())):
        place = source.relative_to(their_dir)
        target = our_dir / place
        blocker = next((p for p in reversed(target.parents) if p.is_relative_to(our_dir) and p.is_file()), None)
        if blocker is not None or target.is_dir():
            # A file stands where a folder is wanted, or the other way round.
            blocked = blocker or target
            renamed = blocked.with_name(beside(blocked.name, _digest(source)))
            yield from _beside(our_dir, renamed / target.relative_to(blocked), source)
        elif not target.exists():
            yield _file(our_dir, target, source)
        else:
            yield from _same_name(our_dir, target, source)


def _same_name(our_dir: Path, target: Path, source: Path) -> Iterator[Piece]:
    mine, other = target.stat(), source.stat()
    if (mine.st_size, mine.st_mtime_ns) == (other.st_size, other.st_mtime_ns):
        return  # as rsync has it; a copy keeps the time
    look, their_look = FileLook(mine.st_mtime_ns, _digest(target)), FileLook(other.st_mtime_ns, _digest(source))
    if look.digest == their_look.digest:
        return
    if is_newer(their_look, look):
        yield from _beside(our_dir, target.with_name(beside(target.name, look.digest)), target)
        yield _file(our_dir, target, source)
    else:
        yield from _beside(our_dir, target.with_name(beside(target.name, their_look.digest)), source)


def _beside(our_dir: Path, target: Path, source: Path) -> Iterator[Piece]:
    if not target.exists():
        yield _file(our_dir, target, source, is_beside=True)


def _file(our_dir: Path, target: Path, source: Path, *, is_beside: bool = False) -> Piece:
    place = f"files/{target.relative_to(our_dir).as_posix()}"
    return Piece(_FILE, place, source, modified_at_ns=source.stat().st_mtime_ns, is_beside=is_beside)


def _walk(folder: Path, root: Path) -> Iterator[Path]:
    """The files below a folder; links that lead out of `root` are none of the run's."""
    try:
        entries = list(os.scandir(folder))
    except FileNotFoundError:
        return
    for entry in entries:
        if entry.name.startswith(TEMPORARY_PREFIX):
            continue
        if entry.is_dir(follow_symlinks=False):
            yield from _walk(Path(entry.path), root)
        elif entry.is_file() and Path(entry.path).resolve().is_relative_to(root):
            yield Path(entry.path)


def _digest(file: Path, limit_bytes: int | None = None) -> str:
    with file.open("rb") as content:
        if limit_bytes is not None:
            return hashlib.sha256(content.read(limit_bytes)).hexdigest()
        return hashlib.file_digest(content, "sha256").hexdigest()
