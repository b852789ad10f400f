"""Mending what `check` finds wrong with a run, and never by throwing away what is whole.

Nothing is mended in place where readers might look: what is left of a damaged part or segment becomes a new segment,
published in one step as sealers do it, which covers or replaces what it was made of. Before that, all that is replaced
gets a second name in the trash, where even a process that wakes up and goes on writing finds it. So a repair may be
killed anywhere: the next one finds what is still wrong, and nothing twice.

The open part of a writer whose process is gone is sealed up to its last whole frame. While a process lives that may
still be writing, nothing of its journal is touched.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

import msgspec

from runlake.errors import ConflictError, CorruptError, NotFoundError, ReadOnlyError, StoreError
from runlake.model import STREAMS, Finding, Repair, RunPath
from runlake.store.care.check import check_run, check_segment, unreadable
from runlake.store.care.check_journal import KnownRows, check_journal
from runlake.store.care.garbage import Quarantine
from runlake.store.care.repair_plan import MOST_MISSING, Batch, MetaChange, RepairPlan
from runlake.store.care.repair_segment import mend_meta, mend_parquet, meta_of_files, read_whole
from runlake.store.changes import append_change
from runlake.store.compact.seal import drop_leftovers, only_sealer
from runlake.store.disk import READ_ONLY_ERRNOS, replace_file
from runlake.store.journal.fold import WriterState
from runlake.store.journal.folder import FolderJournal
from runlake.store.journal.journal import PartName, root_of
from runlake.store.journal.liveness import is_alive
from runlake.store.journal.rows import rows_of
from runlake.store.journal.scan import ScannedPart, scan_part
from runlake.store.layout import Layout, folder_identity
from runlake.store.run.snapshot import Snapshot, missing_ranges, number_parts
from runlake.store.run.state import join_states, state_of_part
from runlake.store.segment import schema
from runlake.store.segment.folder import segments_of
from runlake.store.segment.meta import Meta, new_meta, parse_meta
from runlake.store.segment.publish import drop_segment, publish_meta, put_rows
from runlake.store.segment.segments import SegmentFile

_NOTHING = "nothing"
_ATTEMPTS = 20


def repair_run(layout: Layout, path: RunPath, *, is_dry_run: bool = False, force: bool = False) -> list[Repair]:
    """Mend one run, or with `is_dry_run` say what would be done; answers one entry for each thing that was found.

    `ConflictError` while a process that may still be writing stands in the way, unless `force`; ReadOnlyError when the
    run cannot be written, NotFoundError when it is not there.
    """
    told: list[Repair] = []
    for _ in range(_ATTEMPTS):
        if not layout.journal_dir(path).is_dir() and not layout.segments_dir(path).is_dir():
            raise NotFoundError(f"run {path} is not in {layout.root}; see: runlake ls")
        try:
            with nullcontext() if is_dry_run else only_sealer(layout, path):
                mending = _Repairer(layout, path, is_dry=is_dry_run, is_forced=force)
                try:
                    repairs = mending.run()
                except FileNotFoundError:
                    told += [repair for repair in mending.repairs[: mending.done_count] if repair.is_mended]
                    continue  # deleted, or made anew meanwhile; or a sealer on a disk without locks was at it
                if not is_dry_run and any(repair.is_mended for repair in told + repairs):
                    append_change(layout, path, "repair", "seal", mending.incarnation)
                return list(dict.fromkeys(told + repairs))
        except FileNotFoundError:
            continue
        except OSError as error:
            if error.errno not in READ_ONLY_ERRNOS:
                raise
            raise ReadOnlyError(f"run {path} cannot be repaired, because it cannot be written: {error}") from error
    raise StoreError(f"run {path} changes too fast to be repaired: {_ATTEMPTS} attempts; repair it once more")


class _Repairer:
    """One repair of one run."""

    def __init__(self, layout: Layout, path: RunPath, *, is_dry: bool, is_forced: bool) -> None:
        self._layout, self._path = layout, path
        self._is_dry, self._is_forced = is_dry, is_forced
        self._run_dir, self._segments = layout.run_dir(path), segments_of(layout, path)
        self._folder = self._segments.folder
        self._journal = FolderJournal(layout.journal_dir(path))
        self._aside = Quarantine(layout)
        self._metas: list[Meta] = []
        self._identity = folder_identity(self._run_dir)
        self._known_names = self._segments.list_names()
        self.repairs: list[Repair] = []
        self.done_count = 0
        self.incarnation = ""

    def run(self) -> list[Repair]:
        """Everything that can be mended, segments first: they say which parts count."""
        findings = check_run(self._layout, self._path)
        newer = [finding for finding in findings if finding.kind == "newer"]
        if newer:
            why = "left alone, and all of the run with it: upgrade runlake"
            return [_leave(finding, why) for finding in newer]
        foreign = [finding for finding in findings if finding.kind == "foreign"]
        self._mend_metas()
        self._mend_segments()
        self._mend_journals({finding.place.partition(",")[0].rpartition("/")[2] for finding in foreign})
        self._drop_leftovers()
        told = {repair.place.partition(",")[0] for repair in self.repairs}
        for finding in findings:
            if finding.kind == "foreign":
                self.repairs.append(_leave(finding, "left alone: move it elsewhere"))
            elif finding.place.partition(",")[0] not in told:
                self.repairs.append(_leave(finding, f"left as it is: {finding.advice}"))
        if self._is_dry or not self.repairs or not all(repair.is_mended for repair in self.repairs):
            self._check_is_current()
        return self.repairs

    def _check_is_current(self) -> None:
        """FileNotFoundError when what was looked at is not what is there: nothing may be concluded from it."""
        if folder_identity(self._run_dir) != self._identity or self._segments.list_names() - self._known_names:
            raise FileNotFoundError(f"run {self._path} was sealed, deleted or made anew while it was being repaired")

    def _publish_meta(self, meta: Meta) -> None:
        self._check_is_current()
        publish_meta(self._segments, meta)
        self._known_names.add(meta.name)
        if folder_identity(self._run_dir) != self._identity:
            drop_segment(self._segments, meta)
            raise FileNotFoundError(f"run {self._path} was deleted, and there is a new one of that id")
        self.done_count = len(self.repairs)

    def _tell(self, kind: str, file: Path, remedy: str, lost: str = _NOTHING, *, is_mended: bool = True) -> None:
        place = file.relative_to(self._run_dir).as_posix()
        self.repairs.append(Repair(kind=kind, place=place, remedy=remedy, lost=lost or _NOTHING, is_mended=is_mended))

    # Meta files

    def _mend_metas(self) -> None:
        found: list[Meta] = []
        damaged: list[Path] = []
        for name in sorted(self._segments.list_names()):
            file = self._folder / f"{name}.meta"
            if file.is_dir():
                continue  # `check` names it
            data = file.read_bytes()
            try:
                meta = parse_meta(data, file.name)
                len(meta.writers)  # decodes what they said
                found.append(meta)
                continue
            except CorruptError:
                whole = mend_meta(data, name)
            if whole is None:
                damaged.append(file)
                continue
            found.append(parse_meta(whole, file.name))
            self._tell("corrupt", file, "a flipped byte was put back")
            self._replace(file, whole)
        replaced = {name for meta in found for name in meta.supersedes}
        self._metas = [meta for meta in found if meta.name not in replaced]
        self._make_metas_anew(replaced | {meta.name for meta in found}, damaged)
        self.incarnation = max((meta.incarnation for meta in self._metas), default="")

    def _make_metas_anew(self, known_names: set[str], damaged: list[Path]) -> None:
        """Segments whose meta file is missing or damaged, as long as their rows are nowhere else."""
        known = self._known_rows()
        unnamed = {file.name.partition("-")[0] for file in self._folder.glob("[0-9a-f]*-*.parquet")} - known_names
        for name in sorted(unnamed | {file.stem for file in damaged}):
            file = self._folder / f"{name}.meta"
            is_damaged = file in damaged
            try:
                meta = meta_of_files(self._segments, name, self._path)
            except CorruptError as error:
                if is_damaged:
                    self._tell("corrupt", file, "left as it is: restore it from a backup", str(error), is_mended=False)
                continue
            is_wanted = any(not known.holds(s.writer, s.stream, s.first_n, s.row_count) for s in meta.stretches)
            if is_wanted:
                self._cover(meta)
                lost = "config, edits, tags and how the run ended, as far as they stood only there"
                kind = "corrupt" if is_damaged else "missing"
                self._tell(kind, file, "made anew from the segment's Parquet files", lost)
                self._metas.append(meta)
                for stretch in meta.stretches:
                    known.add(stretch.writer, stretch.stream, stretch.first_n, stretch.row_count)
            elif is_damaged:
                lost = "the records that stood only there; its rows are elsewhere, or it had none"
                self._tell("corrupt", file, "moved aside", lost)
            if self._is_dry:
                continue
            if is_damaged:
                self._keep_damaged(file.name, file.read_bytes())
                self._aside.keep(file)
            if is_wanted:
                self._publish_meta(meta)
            elif is_damaged:
                file.unlink()

    def _known_rows(self) -> KnownRows:
        known = KnownRows(self._metas)
        for _ in check_journal(self._snapshot(), known, self._run_dir, may_miss=True):
            pass  # asked only for the rows it meets
        return known

    def _cover(self, meta: Meta) -> None:
        """The parts that such a segment must have been made of: those that are missing."""
        _, numbers = number_parts(self._journal, self._metas)
        for writer in sorted({root_of(stretch.writer) for stretch in meta.stretches}):
            known = numbers.get(writer, set())
            missing = {number for gap in missing_ranges(known) for number in gap[:MOST_MISSING]} if known else {0}
            meta.covers += [(writer, number) for number in sorted(missing)]

    # Parquet files

    def _mend_segments(self) -> None:
        there = {name for name, _ in self._journal.list_parts()}
        for meta in list(self._metas):
            if meta.is_packed:
                continue  # other runs have rows in the same files
            findings = list(check_segment(self._segments, self._run_dir, meta))
            if not findings:
                continue
            places = sorted({self._run_dir / finding.place.partition(",")[0] for finding in findings})
            kinds = {self._run_dir / finding.place.partition(",")[0]: finding.kind for finding in findings}
            if meta.covers and {PartName(*part) for part in meta.covers} <= there:
                for file in places:
                    self._tell(kinds[file], file, "the segment was dropped: the parts it was made of are still there")
                self._metas.remove(meta)
                self._drop_segment(meta)
                continue
            left = [file for file in places if not (file.exists() and self._put_back(file, meta))]
            if not left:
                continue
            try:
                for stream in STREAMS:
                    if stream in meta.files:
                        read_whole(SegmentFile(self._segments, meta.files[stream]), stream, meta)
            except (CorruptError, FileNotFoundError):
                for file in left:
                    lost = "; ".join(
                        f.lost for f in findings if f.place.startswith(file.relative_to(self._run_dir).as_posix())
                    )
                    why = "left as it is: restore it from a backup; what is whole in it can be read key by key"
                    self._tell(kinds[file], file, why, lost, is_mended=False)
                continue
            for file in left:
                self._tell(kinds[file], file, "made anew from what is whole of the segment")
            if not self._is_dry:
                self._metas[self._metas.index(meta)] = self._rewrite(meta, {}, meta.covers)

    def _put_back(self, file: Path, meta: Meta) -> bool:
        whole = mend_parquet(file, meta.checksums.get(file.name), meta.footers.get(file.name))
        if whole is None:
            return False
        self._tell("corrupt", file, "a flipped byte was put back")
        self._replace(file, whole)
        return True

    def _rewrite(
        self, meta: Meta, renamed: dict[str, str], covers: Iterable[tuple[str, int]], lost: Iterable[WriterState] = ()
    ) -> Meta:
        """The same segment anew, with other names of writers; it replaces the old one."""
        new = new_meta(
            _name(meta.name, sorted(renamed.items()), sorted(covers)),
            meta.incarnation,
            meta.generation,
            covers=covers,
            supersedes=[meta.name, *meta.supersedes],
            writers=join_states([*(_renamed(state, renamed) for state in meta.writers), *lost]),
        )
        for stream in STREAMS:
            if stream in meta.files:
                rows = read_whole(SegmentFile(self._segments, meta.files[stream]), stream, meta)
                anew = [replace(one, writer=renamed.get(one.writer, one.writer)) for one in rows]
                put_rows(self._segments, self._path, new, stream, anew)
        self._publish_meta(new)
        self._drop_segment(meta)
        return new

    # Journals

    def _mend_journals(self, foreign: set[str]) -> None:
        for writer in sorted(self._snapshot().numbers):
            is_alive_now = not self._is_forced and is_alive(self._journal, writer)
            snapshot = self._snapshot()
            if not any(n.writer == writer and str(n) not in foreign for n in snapshot.parts) and not any(
                covered == writer for meta in self._metas for covered, _ in meta.covers
            ):
                continue  # the name of a foreign file
            walk = RepairPlan(snapshot, writer, foreign=foreign, is_gone=not is_alive_now)
            if walk.is_sound():
                continue
            for _ in walk.steps():
                pass  # only to hear what they mend
            if is_alive_now:
                raise ConflictError(
                    f"run {self._path} is damaged, and the process of its writer {writer} may still be writing; end it "
                    "first, or use --force if you know that it is gone"
                )
            self.repairs += walk.repairs
            for step in RepairPlan(snapshot, writer, foreign=foreign, is_gone=True).steps() if not self._is_dry else ():
                if isinstance(step, Batch):
                    self._publish(step)
                else:
                    self._change(step)

    def _change(self, change: MetaChange) -> None:
        if change.renamed:
            self._metas.append(self._rewrite(change.meta, change.renamed, change.covers, change.lost))
        else:
            writers = join_states([*change.meta.writers, *change.lost])
            anew = msgspec.structs.replace(change.meta, covers=sorted(change.covers), writers=writers)
            self._aside.keep(self._folder / f"{anew.name}.meta")
            self._publish_meta(anew)
            self._metas.append(anew)
        self._metas.remove(change.meta)

    def _publish(self, batch: Batch) -> None:
        """Put a segment in the place of the parts."""
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
            self._keep_damaged(damaged, content)
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
            self._aside.keep(self._journal.folder / str(name))
        self._publish_meta(meta)
        self._metas.append(meta)
        self.incarnation = max(self.incarnation, meta.incarnation)
        for name in replaced:
            self._journal.drop(name)

    # Files

    def _drop_leftovers(self) -> None:
        """Parts that a segment covers, segments that another replaces: whoever was to remove them was killed."""
        covered = {PartName(*part) for meta in self._metas for part in meta.covers}
        replaced = {name for meta in self._metas for name in meta.supersedes}
        places = [self._journal.folder / str(name) for name, _ in self._journal.list_parts() if name in covered]
        places += [self._folder / f"{name}.meta" for name in sorted(self._segments.list_names() & replaced)]
        for file in places:
            self._tell("leftover", file, "removed: what it holds is in a segment")
        if places and not self._is_dry and all(repair.is_mended for repair in self.repairs):
            drop_leftovers(self._layout, self._path)

    def _snapshot(self) -> Snapshot:
        parts, numbers = number_parts(self._journal, self._metas)
        return Snapshot(self._path, self._segments, self._journal, self._metas, parts, numbers)

    def _replace(self, file: Path, content: bytes) -> None:
        if not self._is_dry:
            self._check_is_current()
            self._aside.keep(file)
            replace_file(file, content)
            self.done_count = len(self.repairs)

    def _keep_damaged(self, name: str, content: bytes) -> None:
        if not self._is_dry:
            self._check_is_current()
            folder = self._run_dir / "damaged"
            folder.mkdir(exist_ok=True)
            replace_file(folder / name, content)

    def _drop_segment(self, meta: Meta) -> None:
        """Out of readers' sight at once, into the trash; the meta file first, without it nobody looks for the rest."""
        if self._is_dry:
            return
        files = [] if meta.is_packed else [self._folder / name for name in meta.files.values()]
        everything = [self._folder / f"{meta.name}.meta", *files, *map(schema.series_file, files)]
        for file in everything:
            if file.exists():
                self._aside.keep(file)
        for file in everything:
            file.unlink(missing_ok=True)


def left_unreadable(why: str | None) -> list[Repair]:
    """What is to be said of a run that readers cannot read, although nothing is left to be mended."""
    return [_leave(unreadable(why), "left as it is: `runlake rm` moves it to the trash")] if why else []


def _leave(finding: Finding, why: str) -> Repair:
    return Repair(kind=finding.kind, place=finding.place, remedy=why, lost=finding.lost, is_mended=False)


def _renamed(state: WriterState, renamed: dict[str, str]) -> WriterState:
    writer = renamed.get(state.writer, state.writer)
    return WriterState(writer, state.header.with_fields(writer=writer), state.records, state.streams)


def _name(*identity: object) -> str:
    """The name of a segment that a repair makes: it follows from what goes in, and is no name that a sealer gives."""
    return hashlib.sha256(msgspec.msgpack.encode(["repair", schema.FORMAT_VERSION, *identity])).hexdigest()[:24]
