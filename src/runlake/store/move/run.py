"""One run from a store into another: its segments, its parts, its files, and what else is known of it.

Everything is copied as it is, byte for byte, and read back. What is there already with the same bytes is not copied
again, so a move that was killed goes on where it was. Of what is there with other bytes nothing is replaced.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from zlib import crc32

from msgspec import Struct

from runlake.errors import ConflictError, CorruptError, NotFoundError
from runlake.model import ENDED_STATES, FileInfo, RunPath
from runlake.store.compact.packed_file import SUFFIX as LIST_SUFFIX
from runlake.store.journal.journal import Journal, PartName
from runlake.store.journal.liveness import is_any_alive
from runlake.store.move.tree import copy_folder
from runlake.store.noting import append_change
from runlake.store.run.state import read_run
from runlake.store.segment.meta import Meta, parse_meta
from runlake.store.segment.read import read_checksum
from runlake.store.segment.segments import META_SUFFIX, SegmentFile, Segments, series_name
from runlake.store.store import Store

_PIECE_BYTES = 1 << 20
_FILES_AT_ONCE, _FILES_A_PAGE = 8, 1000


class Moved(Struct, frozen=True, kw_only=True):
    """What moving one run, or what else a project has (`run_id` empty), came to. `is_new`: something was copied."""

    path: RunPath
    copied_bytes: int
    is_new: bool


class RunMove:
    """One run on its way. `force` takes processes that may still write it for gone."""

    def __init__(self, source: Store, target: Store, path: RunPath, *, force: bool = False) -> None:
        self._source, self._target, self._path, self._force = source, target, path, force
        self._copied_bytes = 0

    def move(self) -> Moved:
        """Copy what is missing. ConflictError when the run is being written, or another has its id there."""
        path, journal = self._path, self._source.journal(self._path)
        if not self._force and is_any_alive(journal) and self._is_running():
            raise ConflictError(f"run {path} is being written; let it end, or stop the server, and move it then")
        incarnation = self._source.read_claim(path)
        if incarnation is None:
            raise NotFoundError(f"run {path} has written nothing yet")
        self._target.make_run(path)
        if self._target.claim_incarnation(path, incarnation) != incarnation:
            raise ConflictError(f"{self._target.url} has another run {path}; delete or rename it there, and move again")
        self._target.journal(path).prepare()
        covered = set(self._move_segments())
        for name, size_bytes in journal.list_parts():
            if name not in covered:
                self._move_part(journal, name, size_bytes)
        self._move_served()
        self._move_files()
        ours, theirs = self._target.layout, self._source.layout
        self._copied_bytes += copy_folder(
            theirs.tree, theirs.run_dir(path) / "artifacts", ours.tree, ours.run_dir(path) / "artifacts"
        )
        if self._copied_bytes:
            append_change(self._target, path, "move", "init", incarnation)
        return Moved(path=path, copied_bytes=self._copied_bytes, is_new=self._copied_bytes > 0)

    def _is_running(self) -> bool:
        """Whether its process has not said that it ends: where no lock tells, silence alone says nothing."""
        return read_run(self._source, self._path).state not in ENDED_STATES

    def _move_segments(self) -> Iterator[PartName]:
        """The parts that they cover."""
        theirs, ours = self._source.segments(self._path), self._target.segments(self._path)
        names, there = sorted(theirs.list_names()), ours.list_names()
        for name in names:
            content = theirs.read(f"{name}{META_SUFFIX}")
            meta = parse_meta(content, f"{name}{META_SUFFIX}")
            yield from (PartName(*part) for part in meta.covers)
            if name in there:
                self._check_same(ours.read(f"{name}{META_SUFFIX}"), content, f"{name}{META_SUFFIX}")
                continue
            ours.prepare()
            for reference in meta.files.values():
                self._move_values(meta, reference, theirs, ours)
            ours.adopt(f"{name}{META_SUFFIX}", content)
            ours.sync(f"{name}{META_SUFFIX}")
            self._copied_bytes += len(content)

    def _move_values(self, meta: Meta, reference: str, theirs: Segments, ours: Segments) -> None:
        """A file of values with its series, into the run's own or among those that runs share."""
        if "/" in reference:
            theirs = self._source.packed(self._path.entity, self._path.project)
            ours = self._target.packed(self._path.entity, self._path.project)
            ours.prepare()
        file = reference.rpartition("/")[2]
        for name in (file, series_name(file)):
            self._move_file(SegmentFile(theirs, name), SegmentFile(ours, name), meta.checksums[name])
        if "/" in reference and meta.packed_in not in ours.list_names(LIST_SUFFIX):
            shared = f"{meta.packed_in}{LIST_SUFFIX}"
            ours.replace(shared, theirs.read(shared))

    def _move_file(self, theirs: SegmentFile, ours: SegmentFile, checksum: int) -> None:
        try:
            if read_checksum(ours) == checksum:
                return
        except FileNotFoundError:
            pass
        with theirs.open() as source, ours.create() as sink:
            while piece := source.read(_PIECE_BYTES):
                sink.write(piece)
                self._copied_bytes += len(piece)
        if read_checksum(ours) != checksum:
            raise CorruptError(f"{self._path}: {theirs.name} is not as its meta file says; run `runlake check`")

    def _move_part(self, journal: Journal, name: PartName, size_bytes: int) -> None:
        ours = self._target.journal(self._path)
        try:
            end = ours.size_bytes(name)
        except FileNotFoundError:
            ours.create_part(name).close()
            end = 0
        self._check_same(ours.read(name, 0, end), journal.read(name, 0, end), str(name))
        while end < size_bytes:
            piece = journal.read(name, end, min(_PIECE_BYTES, size_bytes - end))
            ours.append(name, piece, end)
            end += len(piece)
            self._copied_bytes += len(piece)
        ours.sync(name)
        if crc32(ours.read(name)) != crc32(journal.read(name, 0, size_bytes)):
            raise CorruptError(f"{self._path}: {name} is another in {self._target.url} than it was; move it again")

    def _move_served(self) -> None:
        theirs, ours = self._source.served(self._path), self._target.served(self._path)
        for writer in theirs.list():
            if ours.read(writer) is None and (served := theirs.read(writer)) is not None:
                ours.mark(writer, served)
                if said := theirs.read_said(writer):
                    ours.keep_said(writer, said)

    def _move_files(self) -> None:
        """Page by page, so that only a page of names is in memory; several at once, since each waits for disks."""
        after: str | None = ""
        with ThreadPoolExecutor(_FILES_AT_ONCE, thread_name_prefix="runlake-move") as pool:
            while after is not None:
                page = self._source.files.list_files(self._path, after=after, limit=_FILES_A_PAGE)
                names = [info.name for info in page]
                there = {info.name: info.md5 for info in self._target.files.list_files(self._path, names=names)}
                missing = [info for info in page if there.get(info.name) != info.md5]
                self._copied_bytes += sum(pool.map(self._move_stored_file, missing))
                after = names[-1] if len(page) == _FILES_A_PAGE else None

    def _move_stored_file(self, info: FileInfo) -> int:
        with self._source.files.open_file(self._path, info.name) as content:
            kept = self._target.files.put_file(self._path, info.name, content)
        if kept.md5 != info.md5:
            raise CorruptError(f"{self._path}: the file {info.name!r} changed while it was copied; move it again")
        return kept.size_bytes

    def _check_same(self, ours: bytes, theirs: bytes, name: str) -> None:
        if ours != theirs:
            raise ConflictError(
                f"{self._path}: {name} has other bytes in {self._target.url}: it was written there since it was moved"
            )
