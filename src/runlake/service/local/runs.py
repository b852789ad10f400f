"""The verbs of runs over a folder: listed, read, made, edited, ended."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from runlake.errors import BadValueError, ConflictError
from runlake.model import ENDED_STATES, GenerationInfo, RunEdit, RunInfo, RunPage, RunPath
from runlake.service.local.listings import Listings
from runlake.service.local.open_store import OpenStore
from runlake.store.journal import record
from runlake.store.journal.journal import Journal, PartName
from runlake.store.journal.scan import scan_part
from runlake.store.run.part_states import PartStates
from runlake.store.run.state import KnownRun, list_generations, read_known, read_run
from runlake.store.store import Store

if TYPE_CHECKING:
    import pyarrow as pa

    from runlake.listing_model import PastEdit, ProjectNews, RunColumnList, RunColumnsPage, RunColumnsQuery

_STATES_WITHOUT_A_PROCESS = ("pending", "failed")


class LocalRuns:
    """`contract.runs` over a store.

    `delete` moves a run to the trash; `has_writer` says whether a process elsewhere writes into one. What opens, edits
    and deletes is loaded by who does: a run is read without it.
    """

    def __init__(
        self,
        folder: OpenStore[Store],
        listings: Listings,
        *,
        delete: Callable[[RunPath], None],
        has_writer: Callable[[RunPath], bool],
        states: PartStates | None = None,
    ) -> None:
        self._folder, self._listings, self._delete, self._has_writer = folder, listings, delete, has_writer
        self._store, self._states = folder.store, states

    def list_runs(
        self,
        entity: str,
        project: str,
        *,
        filters: Mapping[str, Any] | None = None,
        order: Sequence[str] = ("+created_at",),
        offset: int = 0,
        limit: int | None = None,
        version: str | None = None,
    ) -> RunPage:
        if offset < 0 or (limit is not None and limit < 0):
            raise BadValueError(f"offset {offset} and limit {limit} must not be negative")
        listings = self._listings
        index = listings.newest(entity, project) if version is None else listings.at_version(entity, project, version)
        page = index.page(filters, order, offset=offset, limit=limit)
        return RunPage(
            runs=tuple(index.infos(page.positions)),
            total_count=page.total_count,
            version=index.version,
            problems=listings.problems(entity, project) if version is None else {},
        )

    def read_run(self, path: RunPath, *, generation: str | None = None) -> RunInfo:
        self._listings.check_exists(path)
        return read_run(self._store, path, generation=generation, states=self._states)

    def list_generations(self, path: RunPath) -> list[GenerationInfo]:
        self._listings.check_exists(path)
        return list_generations(self._store, path)

    def list_edits(self, path: RunPath, *, generation: str | None = None) -> list[PastEdit]:
        from runlake.query.rows.edited import list_edits

        self._listings.check_exists(path)
        return list_edits(self._store, path, generation=generation, states=self._states)

    def read_runs_table(self, entity: str, project: str, *, filters: Mapping[str, Any] | None = None) -> pa.Table:
        index = self._listings.newest(entity, project)
        return index.to_table(index.select(filters) if filters else None)

    def list_run_columns(self, entity: str, project: str) -> RunColumnList:
        from runlake.listing_model import RunColumnList

        index = self._listings.newest(entity, project)
        return RunColumnList(version=index.version, columns=index.column_names)

    def read_run_columns(self, entity: str, project: str, query: RunColumnsQuery) -> RunColumnsPage:
        from runlake.query.runs.columns_page import columns_page

        listings, version = self._listings, query.version
        index = listings.newest(entity, project) if version is None else listings.at_version(entity, project, version)
        return columns_page(index, query, listings.problems(entity, project) if version is None else {})

    def read_news(self, entity: str, project: str, since: str | None = None) -> ProjectNews:
        return self._listings.news(entity, project, since)

    def create_run(self, path: RunPath, *, state: str = "pending", user: str | None = None) -> RunInfo:
        from runlake.store.opening.open import create_pending

        create_pending(self._store, path, state, user or self._folder.user)
        return read_run(self._store, path)

    def edit_run(self, path: RunPath, edit: RunEdit) -> RunInfo:
        from runlake.service.local.edit_records import records_of

        records = records_of(edit)
        if edit.state is not None:
            if edit.state not in _STATES_WITHOUT_A_PROCESS:
                raise BadValueError(f"a run can be made {' or '.join(_STATES_WITHOUT_A_PROCESS)}, not {edit.state!r}")
            if self.read_run(path).row_count or self._has_writer(path):
                raise ConflictError(f'the state of run "{path}" is that of its process; use stop_run to end it')
            records.append((record.STATE, {"state": edit.state}))
        if not records:
            return self.read_run(path)
        return self._write_records(path, records).info()

    def stop_run(self, path: RunPath) -> None:
        if self.read_run(path).state not in ENDED_STATES:
            self._write_records(path, [(record.STATE, {"stop": True})])

    def delete_run(self, path: RunPath) -> None:
        self._listings.check_exists(path)
        self._delete(path)

    def _write_records(self, path: RunPath, records: list[tuple[int, dict[str, Any]]]) -> KnownRun:
        """Leave records in the run as a short-lived writer, and tell the readers; the run as it is with them."""
        from runlake.store.opening.writers import hold_journal, open_editor

        self._listings.check_exists(path)
        journal = hold_journal(self._store, path)
        known = read_known(self._store, path, states=self._states)
        editor = open_editor(self._store, path, known.info(), known.clock(), journal=journal)
        try:
            for kind, body in records:
                editor.writer.record(kind, body)
            editor.writer.end({})
        finally:
            editor.writer.close()
        self._folder.tell(path, "edit", editor.incarnation)
        return self._with_writer(known, editor.writer.writer, journal)

    def _with_writer(self, known: KnownRun, writer: str, journal: Journal | None) -> KnownRun:
        """What a writer left since is read, and not the whole run again."""
        try:
            names = [] if journal is None else [name for name, _ in journal.list_parts() if name.writer == writer]
            if journal is not None and PartName(writer, 0) in names:
                for name in names:
                    known = known.followed_by(scan_part(journal.read(name), f"{known.path}: {name}"))
                return known
        except FileNotFoundError:
            pass
        return read_known(self._store, known.path)  # it is sealed already
