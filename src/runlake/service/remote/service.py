"""The verbs over HTTP: see `service.contract` for what they promise, and `runlake.server.routes` for the other side."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, BinaryIO, NoReturn, TypeVar
from urllib.parse import urlsplit

import httpx
import pyarrow as pa
from msgspec import structs

from runlake.errors import CommError, NotSupportedError, UnreadableRunWarning, warn
from runlake.model import (
    Appended,
    ConsoleLine,
    FileInfo,
    Finding,
    Garbage,
    GenerationInfo,
    Merged,
    OpenRequest,
    ProjectInfo,
    Repair,
    RunEdit,
    RunInfo,
    RunPage,
    RunPath,
    Stream,
    TailCursor,
    TrashItem,
    WriterAnswer,
    WriterBatch,
    WriterGrant,
    WriterHandle,
    WriterStart,
)
from runlake.query.many.blocks import HistoryBlock
from runlake.query.rows.history import History, HistoryOutline, Tail
from runlake.query.runs.filter import plain_filter
from runlake.service.remote.file import BodyFile, RemoteFile
from runlake.service.remote.http import ATTEMPTS, HttpClient
from runlake.service.wire import documents
from runlake.service.wire import rows as wire_rows
from runlake.service.wire.documents import API_PREFIX, file_address, project_address, run_address, sweep_address
from runlake.store.ingest.grant_codec import pack_request, unpack_grant
from runlake.store.layout import check_file_name, check_run_path
from runlake.sweep_model import (
    AgentCommand,
    AgentInfo,
    AgentReport,
    AgentStart,
    SweepEdit,
    SweepInfo,
    SweepPath,
    SweepStart,
)

_LONGEST_QUERY_BYTES = 4000
_PIECE_BYTES = 1 << 20
_HELD_BYTES = 8 * 2**20
_JSON = {"Content-Type": documents.JSON_TYPE}

T = TypeVar("T")


class RemoteService:
    """A store behind a server. Threads may share it.

    Raises what the verbs over a folder raise; besides, UnreachableError where the server does not answer, and
    NotSupportedError for the care that only the machine with the disk can take.
    """

    def __init__(
        self,
        base_url: str,
        *,
        api_key: str | None = None,
        timeout_s: float | None = None,
        attempts: int = ATTEMPTS,
        transport: httpx.BaseTransport | None = None,
        default_entity: str | None = None,
    ) -> None:
        self._http = HttpClient(base_url, api_key=api_key, timeout_s=timeout_s, attempts=attempts, transport=transport)
        self._compression = "none" if _is_this_machine(base_url) else "zstd"
        self._default_entity = default_entity

    @property
    def url(self) -> str:
        return self._http.base_url

    @property
    def default_entity(self) -> str:
        if self._default_entity is None:
            self._default_entity = self._get(f"{API_PREFIX}/service", documents.ServiceInfo).default_entity
        return self._default_entity

    # Projects

    def list_projects(self, entity: str | None = None) -> list[ProjectInfo]:
        return self._get(f"{API_PREFIX}/projects", list[ProjectInfo], entity=entity)

    def create_project(self, entity: str, project: str) -> ProjectInfo:
        _check(entity, project)
        return documents.unpack(self._http.request("PUT", project_address(entity, project)), ProjectInfo)

    # Runs

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
        _check(entity, project)
        query = {
            "filters": plain_filter(filters),
            "order": list(order),
            "offset": offset,
            "limit": limit,
            "version": version,
        }
        return documents.unpack(self._ask(project_address(entity, project, "runs", "query"), query), RunPage)

    def read_run(self, path: RunPath, *, generation: str | None = None) -> RunInfo:
        return self._get(_run(path), RunInfo, generation=generation)

    def list_generations(self, path: RunPath) -> list[GenerationInfo]:
        return self._get(_run(path, "generations"), list[GenerationInfo])

    def read_runs_table(self, entity: str, project: str, *, filters: Mapping[str, Any] | None = None) -> pa.Table:
        _check(entity, project)
        address = project_address(entity, project, "runs", "table")
        body = self._ask(address, {"filters": plain_filter(filters)}, compression=self._compression)
        return wire_rows.read_table(pa.BufferReader(body))

    def create_run(self, path: RunPath, *, state: str = "pending", user: str | None = None) -> RunInfo:
        # Who makes it is for the server to say: `user` is not sent.
        body = self._http.request("PUT", _run(path), query={"run_state": state}, is_repeatable=False)
        return documents.unpack(body, RunInfo)

    def edit_run(self, path: RunPath, edit: RunEdit) -> RunInfo:
        body = self._http.request("PATCH", _run(path), content=documents.pack(edit), headers=_JSON)
        return documents.unpack(body, RunInfo)

    def stop_run(self, path: RunPath) -> None:
        self._http.request("POST", _run(path, "stop"), is_repeatable=True)

    def delete_run(self, path: RunPath) -> None:
        self._http.request("DELETE", _run(path))

    # Rows

    def read_history(
        self,
        path: RunPath,
        *,
        stream: Stream = "history",
        keys: Sequence[str] | None = None,
        min_step: int | None = None,
        max_step: int | None = None,
        generation: str | None = None,
    ) -> History:
        query = {
            "stream": stream,
            "min_step": min_step,
            "max_step": max_step,
            "generation": generation,
            "compression": self._compression,
        }
        address = _run(path, "history")
        if keys and sum(len(key) + 5 for key in keys) < _LONGEST_QUERY_BYTES:
            response = self._http.open("GET", address, query={**query, "key": list(keys)})
        else:
            document = {"keys": None if keys is None else list(keys)}
            response = self._http.open(
                "POST", address, query=query, content=documents.pack(document), headers=_JSON, is_repeatable=True
            )
        with closing(response), pa.PythonFile(BodyFile(response), "r") as source:
            return wire_rows.read_history(source)

    def read_histories(
        self,
        entity: str,
        project: str,
        *,
        keys: Sequence[str],
        stream: Stream = "history",
        filters: Mapping[str, Any] | None = None,
        order: Sequence[str] = ("+created_at",),
        version: str | None = None,
    ) -> Iterator[HistoryBlock]:
        _check(entity, project)
        asked = {
            "keys": list(keys),
            "stream": stream,
            "filters": plain_filter(filters),
            "order": list(order),
            "version": version,
        }
        response = self._http.open(
            "POST",
            project_address(entity, project, "histories"),
            query={"compression": self._compression},
            content=documents.pack(asked),
            headers=_JSON,
            is_repeatable=True,
        )
        return _blocks(response)

    def read_tail(
        self,
        path: RunPath,
        cursor: TailCursor | None,
        *,
        stream: Stream = "history",
        keys: Sequence[str] | None = None,
        limit: int | None = None,
        last: int | None = None,
    ) -> Tail:
        body = self._ask(
            _run(path, "tail"),
            {"keys": None if keys is None else list(keys)},
            cursor=None if cursor is None else str(cursor),
            stream=stream,
            limit=limit,
            last=last,
        )
        return wire_rows.read_tail(pa.BufferReader(body))

    def sample_history(
        self, path: RunPath, key: str, *, samples: int, stream: Stream = "history", generation: str | None = None
    ) -> History:
        query = {"key": key, "samples": samples, "stream": stream, "generation": generation}
        body = self._http.request("GET", _run(path, "sample"), query=query)
        return wire_rows.read_history(pa.BufferReader(body))

    def list_keys(self, path: RunPath, *, stream: Stream = "history", generation: str | None = None) -> list[str]:
        return self._get(_run(path, "keys"), documents.Keys, stream=stream, generation=generation).keys

    def outline_history(self, path: RunPath, *, stream: Stream = "history") -> HistoryOutline:
        return documents.unpack_outline(self._http.request("GET", _run(path, "outline"), query={"stream": stream}))

    def read_console(
        self, path: RunPath, *, last: int | None = None, generation: str | None = None
    ) -> list[ConsoleLine]:
        return self._get(_run(path, "console"), list[ConsoleLine], last=last, generation=generation)

    # Files

    def list_files(self, path: RunPath) -> list[FileInfo]:
        found = self._get(_run(path, "files"), list[FileInfo])
        return [structs.replace(info, url=self.url + info.url) for info in found]

    def open_file(self, path: RunPath, name: str) -> BinaryIO:
        _run(path)
        file = RemoteFile(self._http, file_address(path, check_file_name(name)))
        return io.BufferedReader(file, _PIECE_BYTES)

    def put_file(self, path: RunPath, name: str, content: BinaryIO) -> FileInfo:
        _run(path)
        with tempfile.SpooledTemporaryFile(_HELD_BYTES) as copy:
            digest = hashlib.md5(usedforsecurity=False)
            while piece := content.read(_PIECE_BYTES):
                digest.update(piece)
                copy.write(piece)
            headers = {
                "Content-Length": str(copy.tell()),
                "Content-MD5": base64.b64encode(digest.digest()).decode(),
                "Content-Type": "application/octet-stream",
            }
            address = file_address(path, check_file_name(name))
            body = self._http.request("PUT", address, content=lambda: _pieces(copy), headers=headers)
        info = documents.unpack(body, FileInfo)
        return structs.replace(info, url=self.url + info.url)

    def receive_file(self, path: RunPath, name: str) -> NoReturn:
        raise NotSupportedError("receive_file is what a server asks of its own store; over HTTP use put_file")

    def delete_file(self, path: RunPath, name: str) -> None:
        _run(path)
        self._http.request("DELETE", file_address(path, check_file_name(name)))

    # Runs of processes elsewhere

    def begin_writer(self, path: RunPath, start: WriterStart) -> WriterHandle:
        self._refuse_batches("begin_writer")

    def find_writer(self, path: RunPath, client: str | None = None) -> WriterHandle | None:
        self._refuse_batches("find_writer")

    def write_batch(self, path: RunPath, writer: str, batch: WriterBatch) -> WriterAnswer:
        self._refuse_batches("write_batch")

    def open_writer(self, path: RunPath, opening: OpenRequest) -> WriterGrant:
        headers = {"Content-Type": documents.MSGPACK_TYPE}
        body = self._http.request(
            "POST", _run(path, "writers"), content=pack_request(opening), headers=headers, is_repeatable=True
        )
        return unpack_grant(body)

    def append_frames(self, path: RunPath, writer: str, number: int, offset: int, data: bytes) -> Appended:
        headers = {"Content-Type": documents.FRAMES_TYPE}
        address = _run(path, "writers", writer, str(number))
        body = self._http.request("PUT", address, query={"offset": offset}, content=data, headers=headers)
        return documents.unpack(body, Appended)

    # Sweeps

    def create_sweep(self, entity: str, project: str, start: SweepStart) -> SweepInfo:
        _check(entity, project)
        address = project_address(entity, project, "sweeps")
        return documents.unpack(
            self._http.request("POST", address, content=documents.pack(start), headers=_JSON), SweepInfo
        )

    def list_sweeps(self, entity: str, project: str) -> list[SweepInfo]:
        _check(entity, project)
        return self._get(project_address(entity, project, "sweeps"), list[SweepInfo])

    def read_sweep(self, path: SweepPath) -> SweepInfo:
        return self._get(_sweep(path), SweepInfo)

    def edit_sweep(self, path: SweepPath, edit: SweepEdit) -> SweepInfo:
        body = self._http.request("PATCH", _sweep(path), content=documents.pack(edit), headers=_JSON)
        return documents.unpack(body, SweepInfo)

    def delete_sweep(self, path: SweepPath) -> None:
        self._http.request("DELETE", _sweep(path))

    def join_sweep(self, path: SweepPath, start: AgentStart) -> AgentInfo:
        body = self._http.request("POST", _sweep(path, "agents"), content=documents.pack(start), headers=_JSON)
        return documents.unpack(body, AgentInfo)

    def report_agent(self, path: SweepPath, agent_id: str, report: AgentReport) -> tuple[AgentCommand, ...]:
        return documents.unpack(self._ask(_sweep(path, "agents", agent_id, "report"), report), tuple[AgentCommand, ...])

    # Care of the store

    def seal(self, entity: str, project: str, run_id: str | None = None) -> Iterator[tuple[RunPath, int]]:
        _check(entity, project)
        lines = self._lines(project_address(entity, project, "seal"), run_id=run_id)
        return ((RunPath(one.entity, one.project, one.run_id), one.row_count) for one in lines)

    def pack_runs(self, entity: str, project: str, *, at_once: bool = False) -> Iterator[RunPath]:
        _check(entity, project)
        lines = self._lines(project_address(entity, project, "merge"), at_once=at_once)
        return (RunPath(one.entity, one.project, one.run_id) for one in lines)

    def check(self, entity: str | None = None, project: str | None = None) -> Iterator[tuple[RunPath, list[Finding]]]:
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
        return self._get(f"{API_PREFIX}/trash", list[TrashItem])

    def restore_run(self, run: RunPath | str) -> RunPath:
        address = (
            documents.RunAddress(**run._asdict()) if isinstance(run, RunPath) else documents.RunAddress(trash_name=run)
        )
        body = self._http.request("POST", f"{API_PREFIX}/trash/restore", content=documents.pack(address), headers=_JSON)
        found = documents.unpack(body, documents.RunAddress)
        return RunPath(found.entity or "", found.project or "", found.run_id or "")

    def empty_trash(self, *, older_than_s: float, is_dry_run: bool = False) -> Iterator[Garbage]:
        self._refuse("empty_trash")

    def merge_from(
        self, other: Path, *, projects: Sequence[tuple[str, str]] | None = None, is_dry_run: bool = False
    ) -> Iterator[Merged]:
        self._refuse("merge_from")

    def close(self) -> None:
        self._http.close()

    # Asking

    def _get(self, address: str, kind: type[T], **query: Any) -> T:
        return documents.unpack(self._http.request("GET", address, query=query), kind)

    def _ask(self, address: str, document: Any, **query: Any) -> bytes:
        """A question that is too long for an address."""
        content = documents.pack(document)
        return self._http.request("POST", address, query=query, content=content, headers=_JSON, is_repeatable=True)

    def _lines(self, address: str, **query: Any) -> Iterator[documents.Sealed]:
        response = self._http.open("POST", address, query=query, is_repeatable=True)
        return _documents(response)

    def _refuse_batches(self, verb: str) -> NoReturn:
        raise NotSupportedError(f"{verb} is what a server asks of its own store; over HTTP use open_writer")

    def _refuse(self, verb: str) -> NoReturn:
        raise NotSupportedError(
            f"{verb} needs the disk that the store is on, and {self.url} is a server; run it on the machine of the "
            "store, with --dir"
        )


def _run(path: RunPath, *rest: str) -> str:
    _check(*path)
    return run_address(path, *rest)


def _sweep(path: SweepPath, *rest: str) -> str:
    _check(*path)
    return sweep_address(path, *rest)


def _check(*names: str) -> None:
    """What cannot be a name has no place in an address either."""
    entity, project, *rest = names
    check_run_path(RunPath(entity, project, *(rest or ["any"])))


def _pieces(copy: Any) -> Iterator[bytes]:
    copy.seek(0)
    while piece := copy.read(_PIECE_BYTES):
        yield piece


def _blocks(response: httpx.Response) -> Iterator[HistoryBlock]:
    with closing(response), pa.PythonFile(BodyFile(response), "r") as source:
        for block in wire_rows.read_blocks(source):
            if block.problem is not None:
                warn(
                    f"run {block.run_ids[0]} cannot be read, and has no rows here: {block.problem}",
                    UnreadableRunWarning,
                )
            yield block


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


def _is_this_machine(base_url: str) -> bool:
    host = urlsplit(base_url).hostname or ""
    return host in ("localhost", "::1") or host.startswith("127.")
