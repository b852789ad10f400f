"""The runs of projects as of now, and as they were in versions that pages are still cut from."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterator
from typing import TYPE_CHECKING

from runlake.errors import ConflictError, NotFoundError, StoreError, UnreadableRunWarning, warn
from runlake.lru import LruCache
from runlake.model import RunPath
from runlake.service.local.limits import LocalLimits
from runlake.service.local.open_store import OpenStore, advise
from runlake.store.layout import check_run_path
from runlake.store.store import Store

if TYPE_CHECKING:  # a run that is named is read without what lists
    from runlake.listing_model import ProjectNews
    from runlake.query.many.blocks import HistoryBlock
    from runlake.query.runs.index import RunIndex
    from runlake.store.catalog.project_records import ProjectState
    from runlake.store.catalog.run_catalog import Pulse, RunCatalog


_KEPT_PULSES = 64


class Listings:
    """What runs there are in each project of a store. Threads may share it.

    Of the versions that pages can be cut from, the one that was asked for longest ago is forgotten first.
    """

    def __init__(self, folder: OpenStore[Store], catalog: RunCatalog, limits: LocalLimits) -> None:
        self._folder = folder
        self._catalog = catalog
        self._limits = limits
        self._kept: OrderedDict[tuple[str, str, str], RunIndex] = OrderedDict()
        self._newest: dict[tuple[str, str], RunIndex] = {}
        self._lock = threading.Lock()
        self._pulses: LruCache[tuple[str, str], Pulse] = LruCache(_KEPT_PULSES)
        self._told: set[tuple[str, str]] = set()
        self._problems: dict[tuple[str, str], dict[str, str]] = {}

    def newest(self, entity: str, project: str) -> RunIndex:
        """The project as of now; the same object as long as nothing moved."""
        self._folder.check_project(entity, project)
        state = self._catalog.refresh(entity, project)
        problems = {path.run_id: problem for path, problem in self._unreadable(entity, project, state)}
        for run_id, problem in problems.items():
            self._tell_once(f"{entity}/{project}/{run_id}", problem)
        self._problems[entity, project] = problems
        with self._lock:
            index = self._kept.get((entity, project, state.version))
            if index is None:
                index = self._index_of(state, self._newest.get((entity, project)))
                self._newest[entity, project] = index
                self._keep(entity, project, index)
            return index

    def problems(self, entity: str, project: str) -> dict[str, str]:
        """Why runs of the project could not be read when `newest` was asked last, by run id."""
        return self._problems.get((entity, project), {})

    def news(self, entity: str, project: str, since: str | None) -> ProjectNews:
        """Which runs of a project have moved since a version of its news."""
        self._folder.check_project(entity, project)
        with self._lock:
            pulse = self._pulses.get((entity, project))
            if pulse is None:
                pulse = self._catalog.pulse(entity, project)
                self._pulses.put((entity, project), pulse)
        return pulse.news(since)

    def at_version(self, entity: str, project: str, version: str) -> RunIndex:
        """The project as it was in a version that was given here, or by another process."""
        key = (entity, project, version)
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
                return self._kept[key]
        state = self._catalog.load_version(entity, project, version)
        if state is None:
            raise ConflictError(
                f"the state {version!r} of {entity}/{project} is not kept any more; list again from the first page"
            )
        from runlake.query.runs.chunk import RunChunk
        from runlake.query.runs.index import RunIndex

        with self._lock:
            if key not in self._kept:
                chunks = [index.chunk for index in self._kept.values() if index.chunk is not None]
                like = next((chunk for chunk in chunks if chunk.stored is state.columns), None)
                if like is None and state.columns is not None:
                    like = RunChunk(state.columns)
                self._keep(entity, project, RunIndex(state.added, version, chunk=like, hidden=state.hidden))
            return self._kept[key]

    def check_exists(self, path: RunPath) -> None:
        """NotFoundError for a run that is not there, with the id that was perhaps meant."""
        self._folder.check_format()
        check_run_path(path)
        if self._folder.store.has_run(path):
            return
        self._folder.check_project(path.entity, path.project)
        run_ids = self._folder.store.run_ids(path.entity, path.project)
        place = f"{path.entity}/{path.project}"
        advice = self._advice_by_name(path, len(run_ids)) or advise(path.run_id, run_ids, "", f"runlake ls {place}")
        raise NotFoundError(f'run "{path.run_id}" not in project {place} ({len(run_ids)} runs); {advice}')

    def with_warnings(self, place: str, blocks: Iterator[HistoryBlock]) -> Iterator[HistoryBlock]:
        """The blocks; of each that says why a run has no rows, the user is told once."""
        for block in blocks:
            if block.problem is not None:
                self._tell_once(f"{place}/{block.run_ids[0]}", block.problem)
            yield block

    def _unreadable(self, entity: str, project: str, state: ProjectState) -> Iterator[tuple[RunPath, str]]:
        """The runs that cannot be read, and why."""
        for folder, problem in sorted(state.problems.items()):
            try:
                yield self._catalog.path_of(entity, project, folder), problem
            except FileNotFoundError:
                continue  # deleted at this moment

    def _index_of(self, state: ProjectState, before: RunIndex | None) -> RunIndex:
        """The index of a state; what the one before it has of the stored columns is used again."""
        from runlake.query.runs.chunk import RunChunk
        from runlake.query.runs.index import RunIndex

        chunk = None
        if before is not None:
            before.forget_columns()
            chunk = before.chunk
        if state.columns is None:
            chunk = None
        elif chunk is None or chunk.stored is not state.columns:
            chunk = RunChunk(state.columns)
        return RunIndex(state.added, state.version, chunk=chunk, hidden=state.hidden)

    def _keep(self, entity: str, project: str, index: RunIndex) -> None:
        self._kept[entity, project, index.version] = index
        while len(self._kept) > self._limits.kept_versions:
            self._kept.popitem(last=False)

    def _tell_once(self, run: str, problem: str) -> None:
        if (run, problem) not in self._told:
            self._told.add((run, problem))
            warn(
                f"run {run} cannot be read and is shown as it last was, if at all: {problem}; see: runlake check {run}",
                UnreadableRunWarning,
                has_prefix=False,
            )

    def _advice_by_name(self, path: RunPath, run_count: int) -> str | None:
        """Many take a run's name for its id."""
        if self._catalog.peek(path.entity, path.project) is None and run_count > self._limits.advice_read_count:
            return None  # it would take longer than advice is worth
        try:
            index = self.newest(path.entity, path.project)
        except (StoreError, OSError):
            return None  # this is only advice, and the error that matters is being made
        ids = [run.run_id for run in index.infos(index.page({"display_name": path.run_id}, limit=3).positions)]
        return f"the run of that name has the id {' or '.join(ids)}" if ids else None
