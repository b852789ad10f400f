"""What a repair changes in a run, step by step, and what it has to say of it.

Each step is taken only in the run that was looked at: whatever of it was deleted, made anew or sealed meanwhile ends
the repair with FileNotFoundError, and it begins again. What a step replaces is in the trash before it is gone.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path

import msgspec
from msgspec.structs import replace

from runlake.model import STREAMS, Repair, RunPath
from runlake.store.care.damage import Remedy
from runlake.store.care.garbage import Quarantine
from runlake.store.care.repair_plan import Batch
from runlake.store.care.repair_segment import read_whole
from runlake.store.care.trail import MetaChange
from runlake.store.disk import make_subfolder, remove, remove_present, replace_file
from runlake.store.folder_store import FolderStore
from runlake.store.journal.fold import WriterState
from runlake.store.journal.folder import journal_of
from runlake.store.journal.rows import rows_of
from runlake.store.journal.scan import ScannedPart, scan_part
from runlake.store.layout import folder_identity
from runlake.store.run.state import join_states, state_of_part
from runlake.store.segment import schema
from runlake.store.segment.folder import segments_of
from runlake.store.segment.meta import Meta, new_meta
from runlake.store.segment.publish import drop_segment, publish_meta, put_rows
from runlake.store.segment.segments import SegmentFile


class RepairSteps:
    """The changes of one repair of one run; with `is_dry` nothing is changed, and the same is said."""

    def __init__(self, layout: FolderStore, path: RunPath, *, is_dry: bool) -> None:
        self._path, self._run_dir = path, layout.run_dir(path)
        self._segments, self._journal = segments_of(layout, path), journal_of(layout, path)
        self._folder = self._segments.folder
        self._aside = Quarantine(layout)
        self._identity = folder_identity(self._run_dir)
        self._known_names = self._segments.list_names()
        self._done_count = 0
        self.is_dry = is_dry
        self.remedies: list[Remedy] = []

    def tell(self, remedy: Remedy) -> None:
        """What the next step does about something, or why there is none."""
        self.remedies.append(remedy)

    def done(self) -> list[Repair]:
        """What has been mended by the steps that were taken, also when another was refused."""
        return [one.as_repair(self._run_dir) for one in self.remedies[: self._done_count] if one.is_mended]

    def check_is_current(self) -> None:
        """FileNotFoundError when what was looked at is not what is there: nothing may be concluded from it."""
        if folder_identity(self._run_dir) != self._identity or self._segments.list_names() - self._known_names:
            raise FileNotFoundError(f"run {self._path} was sealed, deleted or made anew while it was being repaired")

    # Files --------------------------------------------------------------------------------------------------------

    def replace(self, file: Path, content: bytes) -> None:
        """Another content for a file."""
        if not self.is_dry:
            self.check_is_current()
            self._aside.keep(file)
            replace_file(file, content)
            self._done_count = len(self.remedies)

    def keep_damaged(self, name: str, content: bytes) -> None:
        """Damaged bytes, where whoever wants to look at them finds them."""
        if not self.is_dry:
            self.check_is_current()
            folder = self._run_dir / "damaged"
            make_subfolder(folder)
            replace_file(folder / name, content)

    def replace_damaged_meta(self, file: Path, meta: Meta | None) -> None:
        """A meta file that is beyond mending makes room for one that was made anew, or goes."""
        if self.is_dry:
            return
        self.keep_damaged(file.name, file.read_bytes())
        self._aside.keep(file)
        if meta is None:
            remove_present(file)
        else:
            self.publish_meta(meta)

    # Segments -----------------------------------------------------------------------------------------------------

    def publish_meta(self, meta: Meta) -> None:
        """Let readers see a segment, whose Parquet files are in place."""
        if self.is_dry:
            return
        self.check_is_current()
        publish_meta(self._segments, meta)
        self._known_names.add(meta.name)
        if folder_identity(self._run_dir) != self._identity:
            drop_segment(self._segments, meta)
            raise FileNotFoundError(f"run {self._path} was deleted, and there is a new one of that id")
        self._done_count = len(self.remedies)

    def drop_segment(self, meta: Meta) -> None:
        """Out of readers' sight at once, into the trash; the meta file first, without it nobody looks for the rest."""
        if self.is_dry:
            return
        files = [] if meta.is_packed else [self._folder / name for name in meta.files.values()]
        everything = [self._folder / f"{meta.name}.meta", *files, *map(schema.series_file, files)]
        for file in everything:
            if file.exists():
                self._aside.keep(file)
        for file in everything:
            remove(file)

    def rewrite(
        self, meta: Meta, renamed: dict[str, str], covers: Iterable[tuple[str, int]], lost: Iterable[WriterState] = ()
    ) -> Meta:
        """The same segment anew, with other names of writers; it replaces the old one."""
        new = msgspec.structs.replace(
            meta,
            name=_name(meta.name, sorted(renamed.items()), sorted(covers)),
            covers=sorted(set(covers)),
            supersedes=sorted({meta.name, *meta.supersedes}),
            files={},
            footers={},
            checksums={},
            stretches=[],
            writers=join_states([*(_renamed(state, renamed) for state in meta.writers), *lost]),
        )
        for stream in STREAMS:
            if stream in meta.files:
                rows = read_whole(SegmentFile(self._segments, meta.files[stream]), stream, meta)
                anew = [replace(one, writer=renamed.get(one.writer, one.writer)) for one in rows]
                put_rows(self._segments, self._path, new, stream, anew)
        self.publish_meta(new)
        self.drop_segment(meta)
        return new

    def change(self, change: MetaChange) -> Meta:
        """A segment as it must be for what is before and behind it."""
        if change.renamed:
            return self.rewrite(change.meta, change.renamed, change.covers, change.lost)
        writers = join_states([*change.meta.writers, *change.lost])
        anew = msgspec.structs.replace(change.meta, covers=sorted(change.covers), writers=writers)
        self._aside.keep(self._folder / f"{anew.name}.meta")
        self.publish_meta(anew)
        return anew

    def put_in_place_of_parts(self, batch: Batch) -> Meta:
        """A segment of what is whole of some parts; the parts go."""
        scanned = [scan_part(piece.data, f"{self._path}: what is left of {batch.writer}") for piece in batch.pieces]
        covers = [(batch.writer, number) for number in sorted(batch.numbers)]
        meta = new_meta(
            _name("parts", covers, [hashlib.sha256(piece.data).hexdigest() for piece in batch.pieces]),
            batch.header.incarnation,
            batch.header.generation,
            covers=covers,
            writers=join_states(state for part in scanned if (state := state_of_part(part)) is not None),
        )
        for damaged, content in batch.damaged.items():
            self.keep_damaged(damaged, content)
        self._segments.prepare()
        by_writer: dict[str, list[ScannedPart]] = {}
        for part in scanned:
            if part.header is not None:
                by_writer.setdefault(part.header.writer, []).append(part)
        for stream in STREAMS:
            rows = [rows_of(writer, parts, stream) for writer, parts in sorted(by_writer.items())]
            put_rows(self._segments, self._path, meta, stream, [one for one in rows if one is not None])
        covered = set(covers)
        replaced = [name for name, _ in self._journal.list_parts() if tuple(name) in covered]
        for name in replaced:
            self._aside.keep(self._journal.place_of(name))
        self.publish_meta(meta)
        for name in replaced:
            self._journal.drop(name)
        return meta


def _renamed(state: WriterState, renamed: dict[str, str]) -> WriterState:
    writer = renamed.get(state.writer, state.writer)
    return WriterState(writer, state.header.with_fields(writer=writer), state.records, state.streams)


def _name(*identity: object) -> str:
    """The name of a segment that a repair makes: it follows from what goes in, and is no name that a sealer gives."""
    return hashlib.sha256(msgspec.msgpack.encode(["repair", schema.FORMAT_VERSION, *identity])).hexdigest()[:24]
