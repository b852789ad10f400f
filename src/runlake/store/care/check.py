"""Reading every byte of a run and saying what is wrong: nothing is changed, nothing is hidden.

Damage in one file does not stop the look at the next. A torn tail is what a killed process leaves, and holds nothing
that was acknowledged; everything else on the list is damage, or a file that should not be there.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa

from runlake.errors import CorruptError, NewerFormatError, RunlakeError, StoreError
from runlake.model import STEP, STREAMS, Finding, RunPath
from runlake.store.care.damage import FROM_BACKUP, NOTHING, Damage
from runlake.store.care.known_rows import KnownRows
from runlake.store.care.strangers import find_strangers
from runlake.store.care.writer_walk import walk_writer
from runlake.store.folder_files import foreign_files
from runlake.store.folder_store import FolderStore
from runlake.store.journal.folder import journal_of
from runlake.store.journal.journal import SERVED_FILES, PartName
from runlake.store.run.snapshot import Snapshot, number_parts, reading
from runlake.store.run.view import view_of
from runlake.store.segment.folder import FolderSegments, segments_of
from runlake.store.segment.meta import Meta, read_meta
from runlake.store.segment.read import open_parquet, read_checksum, read_rows, size_of_group
from runlake.store.segment.segments import META_SUFFIX, SegmentFile

_ATTEMPTS = 10
_SEGMENT_FILE = re.compile(r"([0-9a-f]+)(\.meta|-\w+(\.series)?\.parquet)")
_BYTE = re.compile(r"\bbyte (\d+)\b")


@dataclass(slots=True)
class PackedFiles:
    """What was found about the files that runs share: each is read once, however many runs are checked."""

    is_whole: dict[tuple[Path, int], bool] = field(default_factory=dict)
    told: set[Path] = field(default_factory=set)


@dataclass(slots=True)
class Examination:
    """What was found at one look at a run: `damages` in the order of its files.

    `segments` are those of each segment whose Parquet files were read, by its name.
    """

    damages: list[Damage] = field(default_factory=list)
    segments: dict[str, list[Damage]] = field(default_factory=dict)


def check_run(layout: FolderStore, path: RunPath, merged: PackedFiles | None = None) -> list[Finding]:
    """Everything that is wrong with one run, in the order of its files; empty when all is well.

    `merged` goes from the check of one run of a project to that of the next. Kinds: torn (a call that never returned),
    corrupt, missing (files or rows that are not there), foreign, newer, unreadable.
    """
    run_dir = layout.run_dir(path)
    return [damage.as_finding(run_dir) for damage in examine(layout, path, merged).damages]


def examine(layout: FolderStore, path: RunPath, merged: PackedFiles | None = None) -> Examination:
    """Read every byte of one run: the same for who is only told, and for who mends it."""
    seen = Examination()
    for _ in range(_ATTEMPTS):
        seen = Examination()
        try:
            with reading(path):
                before = segments_of(layout, path).list_names()
                _examine(layout, path, merged or PackedFiles(), seen)
                if segments_of(layout, path).list_names() == before:
                    break
        except FileNotFoundError:
            continue  # sealed meanwhile
        except StoreError as error:
            seen.damages.append(unreadable(layout.run_dir(path), str(error)))
            return seen
    return seen


def unreadable(run_dir: Path, why: str) -> Damage:
    """A run that readers cannot make sense of, and of which nothing says more."""
    advice = "`runlake repair` saves what can be saved; `runlake rm` moves the run to the trash"
    return Damage("unreadable", run_dir, f"the run, for readers: {why}", advice)


def _examine(layout: FolderStore, path: RunPath, merged: PackedFiles, seen: Examination) -> None:
    segments = segments_of(layout, path)
    metas, unreadable_metas = read_metas(segments)
    seen.damages += unreadable_metas
    replaced = {name for meta in metas for name in meta.supersedes}
    visible = [meta for meta in metas if meta.name not in replaced]
    for meta in visible:
        if meta.is_packed:
            seen.damages.extend(_check_packed(segments, meta, merged))
        else:
            first = len(seen.damages)
            seen.damages.extend(check_segment(segments, meta))
            seen.segments[meta.name] = seen.damages[first:]
    journal = journal_of(layout, path)
    parts, numbers = number_parts(journal, metas)
    snapshot = Snapshot(path, segments, journal, visible, parts, numbers)
    known = KnownRows(visible)
    for writer in sorted(numbers):
        # A segment that cannot be asked may hold what is missing elsewhere.
        seen.damages += walk_writer(snapshot, writer, known, may_miss=bool(unreadable_metas)).damages
    if not unreadable_metas:
        seen.damages.extend(_check_orphans(segments, snapshot, metas, known))
    for file in foreign_files(layout, path):
        advice = "rename it, move it elsewhere, or put there what it leads to; readers ignore it"
        seen.damages.append(Damage("foreign", file, NOTHING, advice, is_name_odd=True))
    seen.damages += find_strangers(segments.folder, lambda file: _SEGMENT_FILE.fullmatch(file.name) is not None)
    seen.damages += find_strangers(journal.folder, _is_of_a_journal)


def _is_of_a_journal(file: Path) -> bool:
    is_named_so = file.name.endswith(SERVED_FILES) or bool(PartName.parse(file.name))
    return is_named_so and (file.is_file() or not os.path.lexists(file))  # one that is gone was sealed meanwhile


def read_metas(segments: FolderSegments) -> tuple[list[Meta], list[Damage]]:
    """The meta files that can be read, by name, and what is wrong with the others."""
    readable, damages = [], []
    for name in sorted(segments.list_names()):
        file = segments.folder / f"{name}{META_SUFFIX}"
        try:
            meta = read_meta(segments, name)
            len(meta.writers)  # decodes what they said
            readable.append(meta)
        except RunlakeError as error:
            lost = "the segment's rows cannot be found, although its Parquet files may be whole"
            damages.append(_damage(file, error, lost))
    return readable, damages


def _check_packed(segments: FolderSegments, meta: Meta, merged: PackedFiles) -> Iterator[Damage]:
    """Of files that runs share: whether they are whole, and if not, whether the rows of this run are."""
    for stream in (stream for stream in STREAMS if stream in meta.files):
        row_count = sum(s.row_count for s in meta.stretches if s.stream == stream)
        values = SegmentFile(segments, meta.files[stream])
        for each in (values, values.series):
            file = segments.place_of(each)
            lost = f"{row_count} {stream} rows"
            if not file.exists():
                yield Damage("missing", file, lost, FROM_BACKUP)
                break
            checksum = meta.checksums[file.name]
            if (file, checksum) not in merged.is_whole:
                merged.is_whole[file, checksum] = read_checksum(each) == checksum
            if merged.is_whole[file, checksum]:
                continue
            try:
                read_rows(values, stream, footers=meta.footers, owner=meta.owner)
            except RunlakeError as error:
                merged.told.add(file)
                yield _damage(file, error, lost)
                break
            if file not in merged.told:
                merged.told.add(file)
                lost = "nothing of this run: the file is not as it was merged, and other runs may have lost rows in it"
                yield Damage("corrupt", file, lost, FROM_BACKUP)


def check_segment(segments: FolderSegments, meta: Meta) -> Iterator[Damage]:
    """What is wrong with the Parquet files of one segment."""
    for stream, name in meta.files.items():
        row_count = sum(s.row_count for s in meta.stretches if s.stream == stream)
        values = SegmentFile(segments, name)
        for each in (values, values.series):
            file = segments.place_of(each)
            lost = f"{row_count} {stream} rows"
            if not file.exists():
                yield Damage("missing", file, lost, FROM_BACKUP)
                continue
            try:
                bad_column = _read_everything(each, meta)
            except RunlakeError as error:
                yield _damage(file, error, lost)
                continue
            if bad_column is not None:
                offset, what = bad_column
                yield Damage("corrupt", file, what, FROM_BACKUP, offset)
            elif read_checksum(each) != meta.checksums.get(file.name):
                lost = (
                    "nothing that can be told: its pages and its footer are whole, but the file is not as it was sealed"
                )
                yield Damage("corrupt", file, lost, FROM_BACKUP)


def _read_everything(file: SegmentFile, meta: Meta) -> tuple[int, str] | None:
    """Where the first column chunk begins that is not as it was written, and what it holds; None when all is well."""
    parquet = open_parquet(file, meta.footers.get(file.name))
    for number in range(parquet.num_row_groups):
        size_of_group(parquet, number, file)
        group = parquet.metadata.row_group(number)
        for index in range(group.num_columns):
            column = group.column(index)
            try:
                parquet.read_row_group(number, columns=[column.path_in_schema], use_threads=False)
            except (pa.ArrowException, OSError) as error:
                if isinstance(error, FileNotFoundError):
                    raise
                offset = column.dictionary_page_offset or column.data_page_offset
                return offset, f"column {column.path_in_schema} of row group {number}, {group.num_rows} rows of it"
    return None


def _check_orphans(
    segments: FolderSegments, snapshot: Snapshot, metas: Iterable[Meta], known: KnownRows
) -> Iterator[Damage]:
    """Parquet files that no meta file names are what a killed sealer left, unless rows are nowhere else."""
    folder = segments.folder
    try:
        incarnation = view_of(snapshot).incarnation
    except RunlakeError:
        incarnation = ""  # nothing else says which run this is
    named = {name for meta in metas for name in meta.files.values()}
    replaced = {name for meta in metas for name in meta.supersedes}
    for file in sorted(folder.glob("[0-9a-f]*.parquet")) if folder.is_dir() else []:
        if file.name.endswith(".series.parquet") or file.name in named or not _SEGMENT_FILE.fullmatch(file.name):
            continue
        if file.name.partition("-")[0] in replaced:  # whoever replaced it was killed before it was gone
            continue
        try:
            table = open_parquet(SegmentFile(segments, file.name).series).read(use_threads=False)
            # A sealer of a run that was deleted meanwhile may have left its files in the next one of that id.
            rows = [row for row in table.to_pylist() if not incarnation or row["incarnation"] == incarnation]
            steps = [row for row in rows if row["key"] == STEP]
        except (RunlakeError, pa.ArrowException, OSError):
            continue  # what it should say is not needed, where no rows are missing
        lost = [row for row in steps if not known.holds(row["writer"], row["stream"], row["first_n"], row["row_count"])]
        if lost:
            row_count = sum(row["row_count"] for row in lost)
            meta_file = file.with_name(f"{file.name.partition('-')[0]}.meta")
            what = f"{row_count} {lost[0]['stream']} rows and all records: the rows are in {file.name}, unseen"
            yield Damage("missing", meta_file, what, FROM_BACKUP)


def _damage(file: Path, error: RunlakeError, lost: str) -> Damage:
    if isinstance(error, NewerFormatError):
        return Damage("newer", file, NOTHING, "upgrade runlake to read it")
    byte = _BYTE.search(str(error)) if isinstance(error, CorruptError) else None
    return Damage("corrupt", file, lost, FROM_BACKUP, int(byte[1]) if byte else None)
