"""One copy of a run as files, and what another copy has that it lacks.

The other copy may be anybody's: nothing of it is reached through a link (`store.plain_open`), but for a link among the
run's files that leads to another of them.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from runlake.errors import CorruptError, StoreError
from runlake.store.disk import TEMPORARY_PREFIX
from runlake.store.journal.first_frame import part_header
from runlake.store.journal.folder import FolderJournal, journal_in
from runlake.store.journal.journal import PartName
from runlake.store.journal.liveness import is_alive
from runlake.store.journal.scan import scan_part
from runlake.store.merge.staging import Piece
from runlake.store.merge.union import FileLook, beside, choose_part, is_newer, wanted_metas, wanted_parts
from runlake.store.plain_open import check_plain, open_plain, read_plain
from runlake.store.segment import schema
from runlake.store.segment.folder import FolderSegments
from runlake.store.segment.meta import Meta, parse_meta
from runlake.store.stored_names import is_one_part

_PART_HEAD_BYTES = 65_536
_FILE, _VALUES, _FIRST_META = range(3)


class MovedError(Exception):
    """A copy is another than it was when it was looked at."""


@dataclass(frozen=True, slots=True)
class RunCopy:
    """A run's folder and what was in it at one moment; nothing, where it is not there yet.

    Below `root` no link is followed.
    """

    run_dir: Path
    root: Path
    metas: tuple[Meta, ...] = ()
    parts: tuple[PartName, ...] = ()
    incarnations: frozenset[str] = frozenset()

    @property
    def segments_dir(self) -> Path:
        return self.run_dir / "segments"

    @property
    def journal(self) -> FolderJournal:
        return journal_in(self.run_dir)

    def is_current(self) -> bool:
        """Whether no sealer was here since."""
        return FolderSegments(self.segments_dir).list_names() == {meta.name for meta in self.metas}

    def read_part(self, name: PartName) -> bytes:
        """The bytes of a part of its journal."""
        return read_plain(self.root, self.journal.place_of(name))

    def is_running(self) -> bool:
        """Whether a process lives that has not ended its journal."""
        newest = {name.writer: name for name in self.parts}
        return any(is_alive(self.journal, name.writer) and self._is_open(name) for name in newest.values())

    def _is_open(self, name: PartName) -> bool:
        try:
            return scan_part(self.read_part(name), str(name)).end == "open"
        except CorruptError:
            return True


def look_at(run_dir: Path, root: Path | None = None) -> RunCopy:
    """What is there now. FileNotFoundError when it is being sealed: look again.

    StoreError for links below `root`, which is the run's own folder if it is not said.
    """
    root = root or run_dir
    segments_dir, journal = run_dir / "segments", journal_in(run_dir)
    check_plain(root, segments_dir, journal.folder, run_dir / "files")
    names = sorted(FolderSegments(segments_dir).list_names())
    metas = tuple(parse_meta(read_plain(root, segments_dir / f"{name}.meta"), f"{name}.meta") for name in names)
    parts = tuple(name for name, _ in journal.list_parts())
    found = {meta.incarnation for meta in metas}
    for name in parts:
        head = read_plain(root, journal.place_of(name), _PART_HEAD_BYTES)
        try:
            header = part_header(head, f"{run_dir.name}: {name}")
        except CorruptError:
            continue  # another part may say which run it is
        found |= {header.incarnation} if header else set()
    for incarnation in found:
        if not is_one_part(incarnation):
            raise CorruptError(f"{run_dir}: it names its life {incarnation!r}, as no runlake does; leave it out")
    return RunCopy(run_dir, root, metas, parts, frozenset(found))


def missing_pieces(ours: RunCopy, theirs: RunCopy, shared: SharedFiles) -> Iterator[Piece]:
    """What makes `ours` the union of both. MovedError and FileNotFoundError when one of them moves meanwhile.

    StoreError where a file that other runs share is here with another content.
    """
    # What we would keep beside may be kept beside there already.
    yield from {piece.place: piece for piece in _files(ours, theirs)}.values()
    metas = wanted_metas(list(ours.metas), list(theirs.metas))
    for meta in metas:
        for place in meta.files.values():
            yield from _values(ours, theirs, place, shared)
    # A phase for each of these: whatever is seen is seen with all that comes before it.
    for number, meta in enumerate(metas):
        file = f"{meta.name}.meta"
        yield Piece(_FIRST_META + number, f"segments/{file}", theirs.segments_dir / file, theirs.root)
    for number, name in enumerate(wanted_parts((*ours.metas, *theirs.metas), theirs.parts)):
        yield from _part(ours, theirs, name, _FIRST_META + len(metas) + number)


class SharedFiles:
    """Which files that several runs share are here as they are there; each is compared once, while neither changes."""

    def __init__(self) -> None:
        self._are_same: dict[tuple[object, ...], bool] = {}

    def is_same(self, mine: Path, source: Path, root: Path) -> bool:
        """Whether both have the same bytes. FileNotFoundError when one is missing."""
        statuses = (mine.stat(), source.stat())
        key = (mine, *((status.st_size, status.st_mtime_ns) for status in statuses))
        if key not in self._are_same:
            self._are_same[key] = statuses[0].st_size == statuses[1].st_size and (
                _digest(mine, mine.parent) == _digest(source, root)
            )
        return self._are_same[key]


def _values(ours: RunCopy, theirs: RunCopy, place: str, shared: SharedFiles) -> Iterator[Piece]:
    """A file of values and its series; several runs may share it, which then lies in the project's folder."""
    for named in (PurePosixPath(place), PurePosixPath(schema.series_file(Path(place)))):
        source, target = (Path(os.path.normpath(copy.segments_dir / named)) for copy in (theirs, ours))
        is_shared = named.name != str(named)
        check_plain(theirs.root, source)
        if is_shared and target.exists():
            if not shared.is_same(target, source, theirs.root):
                raise StoreError(
                    f"{target} holds the rows of runs that are here, and {source} has other bytes under the same name; "
                    "nothing was taken of the runs whose rows are there"
                )
        elif not _is_file_of(target, source.stat().st_size):
            # Without its time: a sealer removes old Parquet files that no meta file names yet.
            relative = os.path.relpath(target, ours.run_dir).replace(os.sep, "/")
            yield Piece(_VALUES, relative, source, theirs.root)


def _is_file_of(place: Path, size_bytes: int) -> bool:
    try:
        return place.stat().st_size == size_bytes
    except FileNotFoundError:
        return False


def _part(ours: RunCopy, theirs: RunCopy, name: PartName, phase: int) -> Iterator[Piece]:
    is_here = name in ours.parts
    if is_here and ours.journal.is_held(name):
        return  # its writer lives here, so nobody has more of it
    mine, their_file = ours.journal.place_of(name), theirs.journal.place_of(name)
    modified_at_ns = their_file.stat().st_mtime_ns
    data = theirs.read_part(name)
    is_followed = any(part.writer == name.writer and part.number > name.number for part in theirs.parts)
    choice = choose_part(ours.read_part(name) if is_here else None, data, is_followed=is_followed)
    if choice.beside is not None:
        whole = Piece(phase, "", mine, ours.root)
        kept = whole if choice.beside == "ours" else Piece(phase, "", their_file, theirs.root, choice.their_bytes)
        place = f"journal/{beside(str(name), _digest(kept.content, kept.root, kept.limit_bytes))}"
        if not (ours.run_dir / place).exists():
            yield replace(kept, place=place, is_beside=True)
    if choice.taken_bytes is not None:
        yield Piece(phase, f"journal/{name}", their_file, theirs.root, choice.taken_bytes, modified_at_ns)


# The files of a run -------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _File:
    """A file of a run: where it is called so, and where its bytes are, which a link may say."""

    place: Path
    content: Path
    root: Path

    def digest(self) -> str:
        return _digest(self.content, self.root)


def _files(ours: RunCopy, theirs: RunCopy) -> Iterator[Piece]:
    our_dir, their_dir = ours.run_dir / "files", theirs.run_dir / "files"
    for source in sorted(_walk(their_dir, theirs.root), key=lambda file: file.place):
        target = our_dir / source.place.relative_to(their_dir)
        above = [place for place in reversed(target.parents) if place.is_relative_to(our_dir)]
        # What a link of ours leads to is not the run's, so nothing is put there.
        blocker = next((place for place in above if place.is_symlink() or place.is_file()), None)
        if blocker is not None or target.is_dir():
            # A file stands where a folder is wanted, or the other way round.
            blocked = blocker or target
            renamed = blocked.with_name(beside(blocked.name, source.digest()))
            yield from _beside(our_dir, renamed / target.relative_to(blocked), source)
        elif target.is_symlink():
            yield from _beside(our_dir, target.with_name(beside(target.name, source.digest())), source)
        elif not target.exists():
            yield _file(our_dir, target, source)
        else:
            yield from _same_name(our_dir, target, source, ours.root)


def _same_name(our_dir: Path, target: Path, source: _File, our_root: Path) -> Iterator[Piece]:
    mine, other = target.stat(), source.content.stat()
    if (mine.st_size, mine.st_mtime_ns) == (other.st_size, other.st_mtime_ns):
        return  # as rsync has it; a copy keeps the time
    own = _File(target, target, our_root)
    look, their_look = FileLook(mine.st_mtime_ns, own.digest()), FileLook(other.st_mtime_ns, source.digest())
    if look.digest == their_look.digest:
        return
    if is_newer(their_look, look):
        yield from _beside(our_dir, target.with_name(beside(target.name, look.digest)), own)
        yield _file(our_dir, target, source)
    else:
        yield from _beside(our_dir, target.with_name(beside(target.name, their_look.digest)), source)


def _beside(our_dir: Path, target: Path, source: _File) -> Iterator[Piece]:
    if not target.exists():
        yield _file(our_dir, target, source, is_beside=True)


def _file(our_dir: Path, target: Path, source: _File, *, is_beside: bool = False) -> Piece:
    place, modified_at_ns = f"files/{target.relative_to(our_dir).as_posix()}", source.content.stat().st_mtime_ns
    return Piece(_FILE, place, source.content, source.root, modified_at_ns=modified_at_ns, is_beside=is_beside)


def _walk(folder: Path, root: Path) -> Iterator[_File]:
    """The files below a folder; a link that leads out of it is none of the run's."""
    inside = folder.resolve()
    for file in _entries(folder):
        if not file.is_symlink():
            yield _File(file, file, root)
        elif (content := file.resolve()).is_relative_to(inside) and content.is_file():
            yield _File(file, content, inside)


def _entries(folder: Path) -> Iterator[Path]:
    """Everything below a folder that may be a file; folders behind links are not entered."""
    try:
        entries = list(os.scandir(folder))
    except FileNotFoundError:
        return
    for entry in entries:
        if entry.name.startswith(TEMPORARY_PREFIX):
            continue
        if entry.is_dir(follow_symlinks=False):
            yield from _entries(Path(entry.path))
        elif entry.is_symlink() or entry.is_file(follow_symlinks=False):
            yield Path(entry.path)


def _digest(file: Path, root: Path, limit_bytes: int | None = None) -> str:
    with open_plain(root, file) as content:
        if limit_bytes is not None:
            return hashlib.sha256(content.read(limit_bytes)).hexdigest()
        return hashlib.file_digest(content, "sha256").hexdigest()
