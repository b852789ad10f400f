"""The verbs of runs over HTTP."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa
from msgspec.structs import replace

from runlake.errors import UnreadableRunWarning, warn
from runlake.listing_model import PastEdit, ProjectNews, RunColumnList, RunColumnsPage, RunColumnsQuery
from runlake.model import GenerationInfo, RunEdit, RunInfo, RunPage, RunPath
from runlake.query.runs.filter import plain_filter
from runlake.service.remote.requests import JSON_HEADERS, ServerRequests, check_names, run_at
from runlake.service.wire import documents
from runlake.service.wire import rows as wire_rows
from runlake.service.wire.documents import project_address


class HttpRuns:
    """`contract.runs` over HTTP."""

    def __init__(self, server: ServerRequests) -> None:
        self._server = server
        self._http = server.http
        self._told: set[tuple[str, str]] = set()

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
        check_names(entity, project)
        query = {
            "filters": plain_filter(filters),
            "order": list(order),
            "offset": offset,
            "limit": limit,
            "version": version,
        }
        page = documents.unpack(self._server.ask(project_address(entity, project, "runs", "query"), query), RunPage)
        for run_id, problem in page.problems.items():
            self._tell_once(f"{entity}/{project}/{run_id}", problem)
        return page

    def _tell_once(self, run: str, problem: str) -> None:
        if (run, problem) not in self._told:
            self._told.add((run, problem))
            warn(
                f"run {run} cannot be read by the server and is shown as it last was, if at all: {problem}",
                UnreadableRunWarning,
                has_prefix=False,
            )

    def read_run(self, path: RunPath, *, generation: str | None = None) -> RunInfo:
        return self._server.get(run_at(path), RunInfo, generation=generation)

    def list_generations(self, path: RunPath) -> list[GenerationInfo]:
        return self._server.get(run_at(path, "generations"), list[GenerationInfo])

    def list_edits(self, path: RunPath, *, generation: str | None = None) -> list[PastEdit]:
        return self._server.get(run_at(path, "edits"), list[PastEdit], generation=generation)

    def read_runs_table(self, entity: str, project: str, *, filters: Mapping[str, Any] | None = None) -> pa.Table:
        check_names(entity, project)
        address = project_address(entity, project, "runs", "table")
        body = self._server.ask(address, {"filters": plain_filter(filters)}, compression=self._server.compression)
        table, problems = wire_rows.read_table(pa.BufferReader(body))
        for run_id, problem in problems.items():
            self._tell_once(f"{entity}/{project}/{run_id}", problem)
        return table

    def list_run_columns(self, entity: str, project: str) -> RunColumnList:
        check_names(entity, project)
        return self._server.get(project_address(entity, project, "runs", "columns"), RunColumnList)

    def read_run_columns(self, entity: str, project: str, query: RunColumnsQuery) -> RunColumnsPage:
        check_names(entity, project)
        asked = replace(query, filters=plain_filter(query.filters))
        page = documents.unpack(
            self._server.ask(project_address(entity, project, "runs", "columns"), asked), RunColumnsPage
        )
        for run_id, problem in page.problems.items():
            self._tell_once(f"{entity}/{project}/{run_id}", problem)
        return page

    def read_news(self, entity: str, project: str, since: str | None = None) -> ProjectNews:
        check_names(entity, project)
        return self._server.get(project_address(entity, project, "news"), ProjectNews, since=since)

    def create_run(self, path: RunPath, *, state: str = "pending", user: str | None = None) -> RunInfo:
        # Who makes it is for the server to say: `user` is not sent.
        body = self._http.request("PUT", run_at(path), query={"run_state": state}, is_repeatable=False)
        return documents.unpack(body, RunInfo)

    def edit_run(self, path: RunPath, edit: RunEdit) -> RunInfo:
        body = self._http.request("PATCH", run_at(path), content=documents.pack(edit), headers=JSON_HEADERS)
        return documents.unpack(body, RunInfo)

    def stop_run(self, path: RunPath) -> None:
        self._http.request("POST", run_at(path, "stop"), is_repeatable=True)

    def delete_run(self, path: RunPath) -> None:
        self._http.request("DELETE", run_at(path))
