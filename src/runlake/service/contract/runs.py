"""The verbs of whole runs: listed, read, made, edited, ended."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

from runlake.model import GenerationInfo, RunEdit, RunInfo, RunPage, RunPath

if TYPE_CHECKING:
    import pyarrow as pa

    from runlake.listing_model import PastEdit, ProjectNews, RunColumnList, RunColumnsPage, RunColumnsQuery


class RunVerbs(Protocol):
    """Runs, and what is known of each."""

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
        """A slice of the runs that match.

        `filters` is the Mongo-like language of `query.runs.filter`, `order` names fields with `+` or `-` before
        them, first the most important; ties are broken by creation, then id. Pages that pass the `version` of
        the first page are cut from the same state of the project, whatever happened since.
        """
        ...

    def read_run(self, path: RunPath, *, generation: str | None = None) -> RunInfo:
        """One run, as of now."""
        ...

    def list_generations(self, path: RunPath) -> list[GenerationInfo]:
        """Every history the run has had, oldest first; the last one is what readers see."""
        ...

    def list_edits(self, path: RunPath, *, generation: str | None = None) -> list[PastEdit]:
        """Every value that was changed by others than the run's own process, oldest first: of its config, its summary,
        its name, notes, tags, group and job type. Who changed it, no store keeps."""
        ...

    def read_runs_table(self, entity: str, project: str, *, filters: Mapping[str, Any] | None = None) -> pa.Table:
        """Fields, config and summary of all matching runs, one row a run, oldest first.

        Columns: run_id, name, state, created_at, …, then ``config.<path>`` and ``summary.<path>``. A column whose
        values have several types is text, with the non-text values as JSON.
        """
        ...

    def list_run_columns(self, entity: str, project: str) -> RunColumnList:
        """Every column that `read_run_columns` can be asked for, by its name."""
        ...

    def read_run_columns(self, entity: str, project: str, query: RunColumnsQuery) -> RunColumnsPage:
        """Named columns of a slice of the runs that match, groups of all that match, and counts of their values.

        A column is a field of the filter language, ``config.<path>`` or ``summary.<path>``; its values come as they
        were logged. `BadValueError` for more than the limits of `query.runs.columns_page`.
        """
        ...

    def read_news(self, entity: str, project: str, since: str | None = None) -> ProjectNews:
        """Which runs have moved since a `version` of an answer before; returns at once, and no run is read for it.

        Moved is whatever a listing or the rows of a run may show: rows, edits, states, deletions, also of runs that
        show the same in the end. Who asks more than twice a second may be answered from the last look.
        """
        ...

    def create_run(self, path: RunPath, *, state: str = "pending", user: str | None = None) -> RunInfo:
        """A run without a writing process. `ConflictError` when the id is taken.

        `user` makes it, by default whom the settings name; over a network always who is signed in.
        """
        ...

    def edit_run(self, path: RunPath, edit: RunEdit) -> RunInfo:
        """Apply per-key edits; keys that are not named are not touched, whoever else edits them."""
        ...

    def stop_run(self, path: RunPath) -> None:
        """Ask the training process to stop; it sees the request within seconds and ends as `killed`."""
        ...

    def delete_run(self, path: RunPath) -> None:
        """Remove the run from every listing; it can be recovered from the trash until it is emptied."""
        ...
