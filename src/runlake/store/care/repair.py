"""Mending what `check` finds wrong with a run, and never by throwing away what is whole.

Nothing is mended in place where readers might look: what is left of a damaged part or segment becomes a new segment,
published in one step as sealers do it, which covers or replaces what it was made of. Before that, all that is replaced
gets a second name in the trash, where even a process that wakes up and goes on writing finds it. So a repair may be
killed anywhere: the next one finds what is still wrong, and nothing twice.

The open part of a writer whose process is gone is sealed up to its last whole frame. While a process lives that may
still be writing, nothing of its journal is touched.
"""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path

from runlake.errors import ConflictError, CorruptError, NotFoundError, StoreError
from runlake.model import STREAMS, Repair, RunPath
from runlake.store.care.check import Examination, check_segment, examine, read_metas, unreadable
from runlake.store.care.damage import NOTHING, Damage, Remedy
from runlake.store.care.known_rows import KnownRows
from runlake.store.care.part_look import look_at_part
from runlake.store.care.read_only import unless_read_only
from runlake.store.care.repair_plan import Batch, RepairPlan
from runlake.store.care.repair_segment import mend_meta, mend_parquet, meta_of_files, read_whole
from runlake.store.care.repair_steps import RepairSteps
from runlake.store.care.writer_walk import MOST_MISSING, strangers_behind, walk_writer
from runlake.store.compact.seal import drop_leftovers, only_sealer
from runlake.store.folder_store import FolderStore
from runlake.store.journal.folder import journal_of
from runlake.store.journal.journal import PartName, root_of
from runlake.store.journal.liveness import is_alive
from runlake.store.noting import append_change
from runlake.store.run.snapshot import Snapshot, missing_ranges, number_parts
from runlake.store.segment.folder import segments_of
from runlake.store.segment.meta import Meta, parse_meta
from runlake.store.segment.segments import SegmentFile

_ATTEMPTS = 20


def repair_run(layout: FolderStore, path: RunPath, *, is_dry_run: bool = False, force: bool = False) -> list[Repair]:
    """Mend one run, or with `is_dry_run` say what would be done; answers one entry for each thing that was found.

    `ConflictError` while a process that may still be writing stands in the way, unless `force`; ReadOnlyError when the
    run cannot be written, NotFoundError when it is not there.
    """
    told: list[Repair] = []
    for _ in range(_ATTEMPTS):
        if not layout.journal_dir(path).is_dir() and not layout.segments_dir(path).is_dir():
            raise NotFoundError(f"run {path} is not in {layout.root}; see: runlake ls")
        try:
            with (
                unless_read_only(f"run {path} cannot be repaired"),
                nullcontext() if is_dry_run else only_sealer(layout, path),
            ):
                repairer = _Repairer(layout, path, is_dry=is_dry_run, is_forced=force)
                try:
                    repairs = repairer.run()
                except FileNotFoundError:
                    told += repairer.steps.done()
                    continue  # deleted, or made anew meanwhile; or a sealer on a disk without locks was at it
                if not is_dry_run and any(repair.is_mended for repair in told + repairs):
                    append_change(layout, path, "repair", "seal", repairer.incarnation)
                return list(dict.fromkeys(told + repairs))
        except FileNotFoundError:
            continue
    raise StoreError(f"run {path} changes too fast to be repaired: {_ATTEMPTS} attempts; repair it once more")


class _Repairer:
    """One repair of one run: what is to be done about each damage. `RepairSteps` does it."""

    def __init__(self, layout: FolderStore, path: RunPath, *, is_dry: bool, is_forced: bool) -> None:
        self._layout, self._path, self._is_forced = layout, path, is_forced
        self._run_dir, self._segments = layout.run_dir(path), segments_of(layout, path)
        self._folder = self._segments.folder
        self._journal = journal_of(layout, path)
        self._metas: list[Meta] = []
        self.steps = RepairSteps(layout, path, is_dry=is_dry)
        self.incarnation = ""

    def run(self) -> list[Repair]:
        """Everything that can be mended, segments first: they say which parts count."""
        seen = examine(self._layout, self._path)
        newer = [damage for damage in seen.damages if damage.kind == "newer"]
        if newer:
            why = "left alone, and all of the run with it: upgrade runlake"
            return [damage.left(why).as_repair(self._run_dir) for damage in newer]
        self._mend_metas()
        self._mend_segments(seen)
        self._mend_journals()
        self._drop_leftovers()
        remedied = {remedy.file for remedy in self.steps.remedies}
        repairs = [remedy.as_repair(self._run_dir) for remedy in self.steps.remedies]
        for damage in seen.damages:
            if damage.kind == "foreign":
                repairs.append(damage.left("left alone: move it elsewhere").as_repair(self._run_dir))
            elif damage.file not in remedied:
                repairs.append(damage.left(f"left as it is: {damage.advice}").as_repair(self._run_dir))
        if self.steps.is_dry or not repairs or not all(repair.is_mended for repair in repairs):
            self.steps.check_is_current()
        return repairs

    # Meta files ---------------------------------------------------------------------------------------------------

    def _mend_metas(self) -> None:
        found, damages = read_metas(self._segments)
        damaged: list[Path] = []
        for damage in damages:
            file = damage.file
            if damage.kind == "newer":
                raise FileNotFoundError(f"{file} came while run {self._path} was being repaired")
            if file.is_dir():
                continue  # `check` names it
            whole = mend_meta(file.read_bytes(), file.stem)
            if whole is None:
                damaged.append(file)
                continue
            found.append(parse_meta(whole, file.name))
            self.steps.tell(Remedy("corrupt", file, "a flipped byte was put back"))
            self.steps.replace(file, whole)
        found.sort(key=lambda meta: meta.name)
        replaced = {name for meta in found for name in meta.supersedes}
        self._metas = [meta for meta in found if meta.name not in replaced]
        self._make_metas_anew(replaced | {meta.name for meta in found}, damaged)
        self.incarnation = max((meta.incarnation for meta in self._metas), default="")

    def _make_metas_anew(self, known_names: set[str], damaged: list[Path]) -> None:
        """Segments whose meta file is missing or damaged, as long as their rows are nowhere else."""
        unnamed = {file.name.partition("-")[0] for file in self._folder.glob("[0-9a-f]*-*.parquet")} - known_names
        names = unnamed | {file.stem for file in damaged}
        known = self._known_rows() if names else KnownRows(())
        for name in sorted(names):
            file = self._folder / f"{name}.meta"
            is_damaged = file in damaged
            try:
                meta = meta_of_files(self._segments, name, self._path)
            except CorruptError as error:
                if is_damaged:
                    why = "left as it is: restore it from a backup"
                    self.steps.tell(Remedy("corrupt", file, why, str(error) or NOTHING, is_mended=False))
                continue
            if any(not known.holds(s.writer, s.stream, s.first_n, s.row_count) for s in meta.stretches):
                self._cover(meta)
                self._use_meta_made_anew(meta, file, known, is_damaged=is_damaged)
            elif is_damaged:
                lost = "the records that stood only there; its rows are elsewhere, or it had none"
                self.steps.tell(Remedy("corrupt", file, "moved aside", lost))
                self.steps.replace_damaged_meta(file, None)

    def _use_meta_made_anew(self, meta: Meta, file: Path, known: KnownRows, *, is_damaged: bool) -> None:
        lost = "config, edits, tags and how the run ended, as far as they stood only there"
        remedy = "made anew from the segment's Parquet files"
        self.steps.tell(Remedy("corrupt" if is_damaged else "missing", file, remedy, lost))
        self._metas.append(meta)
        for stretch in meta.stretches:
            known.add(stretch.writer, stretch.stream, stretch.first_n, stretch.row_count)
        if is_damaged:
            self.steps.replace_damaged_meta(file, meta)
        else:
            self.steps.publish_meta(meta)

    def _known_rows(self) -> KnownRows:
        known, snapshot = KnownRows(self._metas), self._snapshot()
        for writer in snapshot.numbers:
            walk_writer(snapshot, writer, known)
        return known

    def _cover(self, meta: Meta) -> None:
        """The parts that such a segment must have been made of: those that are missing."""
        _, numbers = number_parts(self._journal, self._metas)
        for writer in sorted({root_of(stretch.writer) for stretch in meta.stretches}):
            known = numbers.get(writer, set())
            missing = {number for gap in missing_ranges(known) for number in gap[:MOST_MISSING]} if known else {0}
            for number in sorted(missing) if known else ():
                file = self._journal.place_of(PartName(writer, number))
                why = "its rows are in a segment, whose meta file was made anew"
                self.steps.tell(Remedy("missing", file, why, "all records of this part"))
            meta.covers += [(writer, number) for number in sorted(missing)]

    # Parquet files ------------------------------------------------------------------------------------------------

    def _mend_segments(self, seen: Examination) -> None:
        for meta in list(self._metas):
            if meta.is_packed:
                continue  # other runs have rows in the same files
            damages = seen.segments.get(meta.name)
            if damages is None:  # it could not be read, or was not there, when the run was looked at
                damages = list(check_segment(self._segments, meta))
            if damages:
                self._mend_segment(meta, damages, parts_are_there=self._is_in_parts(meta))

    def _is_in_parts(self, meta: Meta) -> bool:
        """Whether the parts that a segment was made of are there, whole, and have all of its rows."""
        names = {PartName(*part) for part in meta.covers}
        if not names or not names <= {name for name, _ in self._journal.list_parts()}:
            return False
        snapshot = self._snapshot_of([other for other in self._metas if other is not meta])
        known = KnownRows(())
        looks = [look_at_part(snapshot, name, known) for name in sorted(names)]
        are_whole = all(look.kind == "sound" and look.has_head for look in looks)
        return are_whole and all(known.holds(s.writer, s.stream, s.first_n, s.row_count) for s in meta.stretches)

    def _mend_segment(self, meta: Meta, damages: list[Damage], *, parts_are_there: bool) -> None:
        kinds = {damage.file: damage.kind for damage in damages}
        if parts_are_there:
            for file in sorted(kinds):
                why = "the segment was dropped: the parts it was made of are still there"
                self.steps.tell(Remedy(kinds[file], file, why))
            self._metas.remove(meta)
            self.steps.drop_segment(meta)
            return
        left = [file for file in sorted(kinds) if not (file.exists() and self._put_back(file, meta))]
        if not left:
            return
        try:
            for stream in STREAMS:
                if stream in meta.files:
                    read_whole(SegmentFile(self._segments, meta.files[stream]), stream, meta)
        except (CorruptError, FileNotFoundError):
            for file in left:
                lost = "; ".join(damage.lost for damage in damages if damage.file == file)
                why = "left as it is: restore it from a backup; what is whole in it can be read key by key"
                self.steps.tell(Remedy(kinds[file], file, why, lost, is_mended=False))
            return
        for file in left:
            self.steps.tell(Remedy(kinds[file], file, "made anew from what is whole of the segment"))
        if not self.steps.is_dry:
            self._metas[self._metas.index(meta)] = self.steps.rewrite(meta, {}, meta.covers)

    def _put_back(self, file: Path, meta: Meta) -> bool:
        whole = mend_parquet(file, meta.checksums.get(file.name), meta.footers.get(file.name))
        if whole is None:
            return False
        self.steps.tell(Remedy("corrupt", file, "a flipped byte was put back"))
        self.steps.replace(file, whole)
        return True

    # Journals -----------------------------------------------------------------------------------------------------

    def _mend_journals(self) -> None:
        known = KnownRows(self._metas)
        first = self._snapshot()
        for writer in sorted(first.numbers):
            strangers = strangers_behind(first, writer)
            is_gone = self._is_forced or not is_alive(self._journal, writer, strangers=strangers)
            snapshot = self._snapshot()
            if writer not in snapshot.numbers:
                continue  # deleted or sealed meanwhile: the last look at the run says so
            walk = walk_writer(snapshot, writer, known)
            for stranger in walk.strangers:
                if stranger.kind == "newer":
                    raise FileNotFoundError(f"{stranger.name} came while run {self._path} was being repaired")
            if not walk.asks_for_repair(is_gone=is_gone):
                continue
            if not is_gone:
                raise ConflictError(
                    f"run {self._path} is damaged, and the process of its writer {writer} may still be writing; end it "
                    "first, or use --force if you know that it is gone"
                )
            plan = RepairPlan(walk)
            for _ in plan.steps():
                pass  # only to hear what they mend
            for remedy in plan.remedies:
                self.steps.tell(remedy)
            if not self.steps.is_dry:
                self._follow(RepairPlan(walk))

    def _follow(self, plan: RepairPlan) -> None:
        for step in plan.steps():
            if isinstance(step, Batch):
                meta = self.steps.put_in_place_of_parts(step)
                self._metas.append(meta)
                self.incarnation = max(self.incarnation, meta.incarnation)
            else:
                self._metas.append(self.steps.change(step))
                self._metas.remove(step.meta)

    def _drop_leftovers(self) -> None:
        """Parts that a segment covers, segments that another replaces: whoever was to remove them was killed."""
        covered = {PartName(*part) for meta in self._metas for part in meta.covers}
        replaced = {name for meta in self._metas for name in meta.supersedes}
        files = [self._journal.place_of(name) for name, _ in self._journal.list_parts() if name in covered]
        files += [self._folder / f"{name}.meta" for name in sorted(self._segments.list_names() & replaced)]
        is_safe = all(remedy.is_mended for remedy in self.steps.remedies)
        why = "removed: what it holds is in a segment" if is_safe else "left until what is damaged is mended"
        for file in files:
            self.steps.tell(Remedy("leftover", file, why, is_mended=is_safe))
        if files and not self.steps.is_dry and is_safe:
            drop_leftovers(self._layout, self._path)

    def _snapshot(self) -> Snapshot:
        return self._snapshot_of(self._metas)

    def _snapshot_of(self, metas: list[Meta]) -> Snapshot:
        parts, numbers = number_parts(self._journal, metas)
        return Snapshot(self._path, self._segments, self._journal, metas, parts, numbers)


def left_unreadable(why: str | None) -> list[Repair]:
    """What is to be said of a run that readers cannot read, although nothing is left to be mended."""
    if not why:
        return []
    return [unreadable(Path(), why).left("left as it is: `runlake rm` moves it to the trash").as_repair(Path())]
