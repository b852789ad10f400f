"""The verbs of a store's care over HTTP: those that a server takes."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, NoReturn

import httpx

from runlake.errors import CommError, NotSupportedError
from runlake.model import Finding, Garbage, Merged, Repair, RunPath, TrashItem
from runlake.service.remote.requests import JSON_HEADERS, ServerRequests, check_names
from runlake.service.wire import documents
from runlake.service.wire.documents import API_PREFIX, project_address


class HttpCare:
    """`contract.care` over HTTP. NotSupportedError for what only the machine with the disk can do."""

    def __init__(self, server: ServerRequests) -> None:
        self._server = server
        self._http = server.http

    def seal(self, entity: str, project: str, run_id: str | None = None) -> Iterator[tuple[RunPath, int]]:
        check_names(entity, project)
        lines = self._lines(project_address(entity, project, "seal"), run_id=run_id)
        return ((RunPath(one.entity, one.project, one.run_id), one.row_count) for one in lines)

    def pack_runs(self, entity: str, project: str, *, at_once: bool = False) -> Iterator[RunPath]:
        check_names(entity, project)
        lines = self._lines(project_address(entity, project, "merge"), at_once=at_once)
        return (RunPath(one.entity, one.project, one.run_id) for one in lines)

    def check(
        self,
        entity: str | None = None,
        project: str | None = None,
        *,
        report: Callable[[int, int], None] = lambda done, total: None,
    ) -> Iterator[tuple[RunPath, list[Finding]]]:
        self._refuse("check")

    def repair(
        self,
        entity: str | None = None,
        project: str | None = None,
        run_id: str | None = None,
        *,
        is_dry_run: bool = False,
        force: bool = False,
    ) -> Iterator[tuple[RunPath, list[Repair]]]:
        self._refuse("repair")

    def list_trash(self) -> list[TrashItem]:
        return self._server.get(f"{API_PREFIX}/trash", list[TrashItem])

    def restore_run(self, run: RunPath | str) -> RunPath:
        address = (
            documents.RunAddress(**run._asdict()) if isinstance(run, RunPath) else documents.RunAddress(trash_name=run)
        )
        body = self._http.request(
            "POST", f"{API_PREFIX}/trash/restore", content=documents.pack(address), headers=JSON_HEADERS
        )
        found = documents.unpack(body, documents.RunAddress)
        return RunPath(found.entity or "", found.project or "", found.run_id or "")

    def empty_trash(self, *, older_than_s: float, is_dry_run: bool = False) -> Iterator[Garbage]:
        self._refuse("empty_trash")

    def merge_from(
        self, other: Path, *, projects: Sequence[tuple[str, str]] | None = None, is_dry_run: bool = False
    ) -> Iterator[Merged]:
        self._refuse("merge_from")

    def _lines(self, address: str, **query: Any) -> Iterator[documents.Sealed]:
        response = self._http.open("POST", address, query=query, is_repeatable=True)
        return _documents(response)

    def _refuse(self, verb: str) -> NoReturn:
        raise NotSupportedError(
            f"{verb} needs the disk that the store is on, and {self._server.url} is a server; run it on the machine of "
            "the store, with --dir"
        )


def _documents(response: httpx.Response) -> Iterator[documents.Sealed]:
    with closing(response):
        try:
            for line in response.iter_lines():
                if line.startswith('{"error":'):
                    raise documents.error_of(500, json.loads(line))
                if line:
                    yield documents.unpack(line, documents.Sealed)
        except httpx.TransportError as error:
            raise CommError(
                f"the answer broke off ({error}); what was done is done, do it again for the rest"
            ) from error
