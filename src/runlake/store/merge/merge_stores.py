"""Everything of another store into this one: the walk, and what readers see meanwhile.

The other store is only read, and may be anybody's: its names are proven (`store.stored_names`), no link of it is
followed (`store.plain_open`), and no file of another run here is replaced. A run that is not here is put together in a
folder beside its place and renamed; into one that is here the missing files are put one by one, in an order that is
right wherever it stops. `merge.union` says what to take, `merge.staging` puts it in place. Doing it twice, or again
after it was killed, finds what is done.

Two runs are one run when they are of one incarnation. Another run whose id is taken gets another id: readers go by the
name of the folder, and the old id stays in the headers inside.
"""

from __future__ import annotations

import errno
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path

from runlake.errors import BadValueError, ConflictError, NotFoundError, PathError, RunlakeError, StoreError
from runlake.model import Merged, RunPath
from runlake.store.changes import changes_of
from runlake.store.disk import TEMPORARY_PREFIX, discard_tree, remove_tree, replace_file
from runlake.store.folder_store import FolderStore
from runlake.store.layout import decode_name, encode_name, ids_before, ids_of
from runlake.store.leases import FolderLeases
from runlake.store.merge.merge_artifacts import ArtifactMerger
from runlake.store.merge.merge_lineage import merge_lineage
from runlake.store.merge.merge_sweeps import merge_sweeps
from runlake.store.merge.merge_views import merge_views
from runlake.store.merge.run_copy import MovedError, RunCopy, SharedFiles, look_at, missing_pieces
from runlake.store.merge.staging import Piece, put_in_place, put_run_in_place, stage
from runlake.store.noting import append_change
from runlake.store.opening.trash import move_folder_to_trash
from runlake.store.plain_open import check_plain, check_plain_tree
from runlake.store.store_format import check_format, create_store, is_store, read_format

_STAGING_PREFIX = f"{TEMPORARY_PREFIX}merge-"
_LOCK_FILE = ".runlake-merging"
_INTO = "into"
_ATTEMPTS = 5


def choose_projects(
    layout: FolderStore, other: FolderStore, projects: Sequence[tuple[str, str]] | None
) -> list[tuple[str, str]]:
    """The projects to merge: those that are asked for, or all. Raises where the two stores do not allow it."""
    ours, theirs = layout.root.resolve(), other.root.resolve()
    if ours.is_relative_to(theirs) or theirs.is_relative_to(ours):
        raise BadValueError(f"{other.root} and {layout.root} are one store, or one lies in the other; name two")
    if not is_store(other):
        raise NotFoundError(f"{other.root} is no store: it has no store.toml; name the folder of one")
    read_format(other)
    for each in (other, layout):
        check_format(each)
    found = [(entity, project) for entity in other.entities() for project in other.projects(entity)]
    missing = [f"{entity}/{project}" for entity, project in projects or () if (entity, project) not in found]
    if missing:
        raise NotFoundError(
            f"no project {missing[0]} in {other.root} ({len(found)} projects); see: runlake --dir {other.root} ls"
        )
    return found if projects is None else sorted(set(projects))


def merge_projects(
    layout: FolderStore,
    other: FolderStore,
    projects: Iterable[tuple[str, str]],
    writer: str,
    *,
    is_dry_run: bool = False,
) -> Iterator[Merged]:
    """Bring the runs, sweeps, views and artifacts of some projects over; yields each when it is there, but views.

    A run that cannot be read does not stop the others; the first such error is raised at the end. `ConflictError` when
    somebody else is merging into this store.
    """
    failures: list[RunlakeError] = []
    moved: dict[RunPath, RunPath] = {}
    projects = list(projects)
    if not is_dry_run:
        create_store(layout)
    with nullcontext() if is_dry_run else _only_merger(layout.root):
        for entity, project in projects:
            place = RunPath(entity, project, "")
            try:
                for merged in _Project(layout, other, place, writer, failures, is_dry_run=is_dry_run).merge():
                    if merged.is_renamed:
                        moved[merged.source] = merged.path
                    yield merged
            except (StoreError, PathError) as error:
                failures.append(error)
        # When all runs are here: a version may be made and used by those of other projects.
        merger = ArtifactMerger(layout, other, moved, is_dry_run=is_dry_run)
        for entity, project in projects:
            yield from _merge_artifacts(layout, other, (entity, project), merger, failures)
        merger.merge_ids(failures)
    if failures:
        raise failures[0]


def _merge_artifacts(
    layout: FolderStore,
    other: FolderStore,
    place: tuple[str, str],
    merger: ArtifactMerger,
    failures: list[RunlakeError],
) -> Iterator[Merged]:
    try:
        check_plain(other.root, other.collections_dir(*place))
        yield from merger.merge(*place, failures)
        if not merger.is_dry_run:
            merge_lineage(layout, other, place, merger.moved, failures)
    except StoreError as error:
        failures.append(error)


@contextmanager
def _only_merger(root: Path) -> Iterator[None]:
    """Where nothing can be locked, go on without."""
    with FolderLeases(root).hold(_LOCK_FILE, is_waiting=False) as is_only:
        if not is_only:
            raise ConflictError(f"another process is merging into {root}; wait until it is done")
        yield


class _Project:
    """One project of both stores."""

    def __init__(
        self,
        layout: FolderStore,
        other: FolderStore,
        place: RunPath,
        writer: str,
        failures: list[RunlakeError],
        *,
        is_dry_run: bool,
    ) -> None:
        self._layout, self._other, self._writer = layout, other, writer
        self._entity, self._project, _ = place
        self._is_dry_run, self._failures = is_dry_run, failures
        self._runs_dir = layout.runs_dir(place.entity, place.project)
        self._dead: set[str] = set()
        self._shared = SharedFiles()

    def merge(self) -> Iterator[Merged]:
        self._check_theirs()
        if not self._is_dry_run:
            self._layout.make_project_dir(self._entity, self._project)
            self._clear_leftovers()
        buried = list(self._bring_deaths())
        yield from buried
        for run_id in sorted(self._other.run_ids(self._entity, self._project)):
            try:
                merged = self._merge_run(self._path(run_id))
            except (StoreError, PathError) as error:
                self._failures.append(error)
                continue
            if merged.outcome != "deleted" or merged.path not in {one.path for one in buried}:
                yield merged
        yield from merge_sweeps(
            self._layout, self._other, self._entity, self._project, self._failures, is_dry_run=self._is_dry_run
        )
        merge_views(self._layout, self._other, self._entity, self._project, self._failures, is_dry_run=self._is_dry_run)

    def _check_theirs(self) -> None:
        """That all of their project is in their store, and what is read of it beside its runs is files."""
        place, root = (self._entity, self._project), self._other.root
        changes_dir = self._other.changes_dir(*place)
        check_plain(root, self._other.runs_dir(*place), self._other.merged_dir(*place), changes_dir)
        check_plain_tree(changes_dir)

    def _path(self, run_id: str) -> RunPath:
        return RunPath(self._entity, self._project, run_id)

    def _clear_leftovers(self) -> None:
        """What merges that were killed have left; the run that one was at may have moved without a word."""
        for staging in self._runs_dir.glob(f"{_STAGING_PREFIX}*"):
            try:
                run_id, incarnation = (staging / _INTO).read_text("utf-8").split("\n")
            except (FileNotFoundError, ValueError):
                pass  # it was making a new run, or had not begun to put anything in place
            else:
                append_change(self._layout, self._path(run_id), self._writer, "edit", incarnation)
            remove_tree(staging)

    # Runs that were deleted -----------------------------------------------------------------------------------

    def _bring_deaths(self) -> Iterator[Merged]:
        """The last word of both stores on each incarnation, and into the trash with the runs it buries."""
        changes = changes_of(self._layout, self._entity, self._project)
        ours = changes.latest_deaths()
        theirs = changes_of(self._other, self._entity, self._project).latest_deaths()
        for incarnation in sorted(ours.keys() | theirs.keys()):
            words = [word[incarnation] for word in (ours, theirs) if incarnation in word]
            change, name = max(words, key=lambda word: (word[0].at_us, word[0].action == "delete"))
            if change.action == "delete":
                self._dead.add(incarnation)
            if not self._is_dry_run and name != ours.get(incarnation, (None, ""))[1]:
                changes.append(name)
            if change.action == "delete" and (path := self._find_dead(change.folder, incarnation)):
                if not self._is_dry_run:
                    move_folder_to_trash(self._layout, path, incarnation)
                yield Merged(path=path, source=path, outcome="deleted")

    def _find_dead(self, folder: str, incarnation: str) -> RunPath | None:
        """Where the run of a tombstone is here."""
        try:
            run_id = self._layout.run_path_of(self._runs_dir / folder).run_id
        except FileNotFoundError:
            run_id = decode_name(folder)
        for path in map(self._path, ids_of(run_id, incarnation)):
            try:
                if max(look_at(self._layout.run_dir(path)).incarnations, default="") == incarnation:
                    return path
            except (StoreError, FileNotFoundError):
                continue  # listings hide it all the same
        return None

    # Runs -----------------------------------------------------------------------------------------------------

    def _merge_run(self, source: RunPath) -> Merged:
        for _ in range(_ATTEMPTS):
            try:
                theirs = look_at(self._other.run_dir(source), self._other.root)
                if not theirs.incarnations:
                    return Merged(path=source, source=source, outcome="empty")
                if max(theirs.incarnations) in self._dead:
                    return Merged(path=source, source=source, outcome="deleted")
                path, ours = self._find_place(source, theirs)
                return self._bring(source, theirs, path, ours)
            except (FileNotFoundError, MovedError):
                continue
        raise StoreError(
            f"run {source} of {self._other.root} lacks a file that it names, or changes too fast to be copied "
            f"({_ATTEMPTS} attempts); see: runlake --dir {self._other.root} check {source}"
        )

    def _find_place(self, source: RunPath, theirs: RunCopy) -> tuple[RunPath, RunCopy | None]:
        """Where the run is here, with our copy, or where it is to be."""
        incarnation = max(theirs.incarnations)
        ids = ids_of(source.run_id, incarnation)
        free: list[RunPath] = []
        for path in map(self._path, [*ids, *ids_before(source.run_id, incarnation)]):
            run_dir = self._layout.run_dir(path)
            if not run_dir.is_dir():
                free += [path] if path.run_id in ids else []
            elif (ours := look_at(run_dir)).incarnations & theirs.incarnations:
                return path, ours
        if not free:
            raise StoreError(f"run {source} of {self._other.root}: its ids are all taken here: {', '.join(ids)}")
        return free[0], None

    def _bring(self, source: RunPath, theirs: RunCopy, path: RunPath, ours: RunCopy | None) -> Merged:
        is_running = theirs.is_running()  # before it is copied: what ends in between is brought the next time
        run_dir = self._layout.run_dir(path)
        pieces = list(missing_pieces(ours or RunCopy(run_dir, run_dir), theirs, self._shared))
        merged = Merged(
            path=path,
            source=source,
            outcome="new" if ours is None else "joined" if pieces else "same",
            is_running=is_running,
            kept_beside=tuple(piece.place for piece in pieces if piece.is_beside),
            copied_bytes=sum(piece.size_bytes for piece in pieces),
        )
        if not self._is_dry_run and merged.outcome != "same":
            self._put(pieces, theirs, path, is_new=ours is None)
        return merged

    def _put(self, pieces: list[Piece], theirs: RunCopy, path: RunPath, *, is_new: bool) -> None:
        run_dir, incarnation = self._layout.run_dir(path), max(theirs.incarnations)
        staging = self._runs_dir / f"{_STAGING_PREFIX}{encode_name(incarnation)}"
        discard_tree(staging)
        try:
            if is_new:
                self._layout.make_run_dir(path, at=staging)
            stage(pieces, staging)
            if not theirs.is_current():
                raise MovedError
        except BaseException:
            discard_tree(staging)
            raise
        if is_new:
            try:
                put_run_in_place(pieces, staging, run_dir)
            except OSError as error:
                if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
                    raise
                raise MovedError from error  # a run of that id was begun just now
        else:
            replace_file(staging / _INTO, f"{path.run_id}\n{incarnation}".encode())
            # Before and after: whoever is killed in between has told the readers, who may have looked too early.
            append_change(self._layout, path, self._writer, "edit", incarnation)
            put_in_place(pieces, staging, run_dir)
        append_change(self._layout, path, self._writer, "init" if is_new else "edit", incarnation)
        discard_tree(staging)
