"""The side of the clients in the benchmarks of the server; each case is a process of its own."""

from __future__ import annotations

import asyncio
import base64
import json
import random
import sys
import time
from collections.abc import Awaitable, Callable, Iterable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psutil

import runlake
from benchmarks.serving import KEY, resident_bytes, server_processes
from runlake.model import OpenRequest, RunPath
from runlake.service.local.service import LocalService
from runlake.store.folder_store import FolderStore
from runlake.store.ingest.grant_codec import pack_request
from runlake.store.journal.journal import PartName
from runlake.store.opening.open import open_run

BEGIN = """mutation UpsertBucket($name: String, $project: String, $host: String, $config: JSONString) {
  upsertBucket(input: {name: $name, modelName: $project, host: $host, config: $config}) {
    bucket { id name } inserted } }"""
SAMPLE = """query RunSampledHistory($project: String!, $entity: String!, $name: String!, $specs: [JSONString!]!) {
  project(name: $project, entityName: $entity) { run(name: $name) { sampledHistory(specs: $specs) } } }"""
HIDDEN = json.dumps({"_wandb": {"value": {"t": {"5": "0.31.0"}}}})
SCALARS = [f"metric_{number}" for number in range(10)]


class Connection:
    """One connection that is kept open, as the official client keeps its own; little else is done between requests."""

    def __init__(self, url: str) -> None:
        place = urlsplit(url)
        self._host, self._port = place.hostname or "", place.port or 80
        self._key = base64.b64encode(f"api:{KEY}".encode()).decode()

    async def open(self) -> Connection:
        self._reader, self._writer = await asyncio.open_connection(self._host, self._port)
        return self

    async def post(self, path: str, body: bytes, method: str = "POST") -> bytes:
        """The body of the answer; anything but 200 is an error."""
        head = f"{method} {path} HTTP/1.1\r\nHost: server\r\nUser-Agent: wandb-core\r\n"
        head += f"Authorization: Basic {self._key}\r\n"
        head += f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        self._writer.write(head.encode() + body)
        await self._writer.drain()
        answer = (await self._reader.readuntil(b"\r\n\r\n")).decode().lower()
        (length,) = (line.split(":")[1] for line in answer.split("\r\n") if line.startswith("content-length"))
        content = await self._reader.readexactly(int(length))
        if " 200 " not in answer.split("\r\n", 1)[0]:
            raise RuntimeError(f"{path}: {answer.splitlines()[0]} {content[:300]!r}")
        return content

    async def ask(self, document: str, **variables: Any) -> Any:
        body = json.dumps({"query": document, "variables": variables}).encode()
        answer = json.loads(await self.post("/graphql", body))
        if "errors" in answer:
            raise RuntimeError(str(answer["errors"]))
        return answer["data"]


async def stream(url: str, run_count: int, request_count: int, rows: int) -> dict[str, float]:
    """So many runs at once, each sends its next rows as soon as the last were answered."""
    bodies = [_chunk(number * rows, rows) for number in range(request_count)]
    processes = await processes_at_rest(url)
    connections = [await Connection(url).open() for _ in range(run_count)]
    for number, connection in enumerate(connections):
        await connection.ask(BEGIN, name=f"run-{number}", project="load", host="here", config=HIDDEN)
    seconds: list[float] = []
    memory_bytes: list[int] = []

    async def send(number: int) -> None:
        for count, body in enumerate(bodies):
            began_at = time.perf_counter()
            await connections[number].post(f"/files/ada/load/run-{number}/file_stream", body)
            seconds.append(time.perf_counter() - began_at)
            if not number and count in (request_count // 3, request_count - 1):
                memory_bytes.append(resident_bytes(url))

    before_s = _processor_s(processes)
    took_s = await _together(send, run_count)
    return _told(seconds) | {
        "server_ms": 1e3 * (_processor_s(processes) - before_s) / len(seconds),
        "rows_a_second": run_count * request_count * rows / took_s,
        "memory_growth": memory_bytes[-1] / memory_bytes[0],
    }


async def sample(url: str, client_count: int, request_count: int, run_count: int) -> dict[str, float]:
    """So many clients at once, each asks for the sampled history of one run after the other."""
    connections = [await Connection(url).open() for _ in range(client_count)]
    specs = [json.dumps({"keys": ["_step", "metric_0"], "samples": 500})]
    seconds: list[float] = []
    dice = random.Random(0)

    async def ask(number: int) -> None:
        for _ in range(request_count):
            name = f"run-{dice.randrange(run_count)}"
            began_at = time.perf_counter()
            found = await connections[number].ask(SAMPLE, project="long", entity="ada", name=name, specs=specs)
            seconds.append(time.perf_counter() - began_at)
            if not 100 < len(found["project"]["run"]["sampledHistory"][0]) <= 500:
                raise RuntimeError(f"{name}: these are no 500 samples")

    await _together(ask, client_count)
    return _told(seconds)


async def _together(work: Callable[[int], Awaitable[None]], count: int) -> float:
    began_at = time.perf_counter()
    await asyncio.gather(*map(work, range(count)))
    return time.perf_counter() - began_at


async def replicate(url: str, run_count: int, append_count: int, rows: int, folder: str) -> dict[str, float]:
    """Journals of so many runs, sent as their processes write them; the server's processor time for one append."""
    journals = [journal_of(Path(folder), f"sent-{number}", append_count, rows) for number in range(run_count)]
    processes = await processes_at_rest(url)
    connections = [await Connection(url).open() for _ in journals]
    for connection, (path, header, _) in zip(connections, journals, strict=True):
        opening = OpenRequest(token=path.run_id, header=header)
        await connection.post(f"/api/v1/runs/{path}/writers", pack_request(opening))
    seconds: list[float] = []

    async def send(number: int) -> None:
        path, header, pieces = journals[number]
        offset = 0
        for piece in pieces:
            began_at = time.perf_counter()
            address = f"/api/v1/runs/{path}/writers/{header['writer']}/0?offset={offset}"
            await connections[number].post(address, piece, "PUT")
            seconds.append(time.perf_counter() - began_at)
            offset += len(piece)

    before_s = _processor_s(processes)
    took_s = await _together(send, run_count)
    return _told(seconds) | {
        "appends_a_second": len(seconds) / took_s,
        "server_ms": 1e3 * (_processor_s(processes) - before_s) / len(seconds),
        "bytes": sum(map(len, journals[0][2])) / append_count,
    }


async def processes_at_rest(url: str) -> set[psutil.Process]:
    """Those of a server when they do nothing, or after half a minute: workers start one after the other."""
    processes: set[psutil.Process] = set()
    for _ in range(30):
        known, processes = processes, server_processes(url)
        before_s = _processor_s(processes)
        await asyncio.sleep(1)
        if processes == known and _processor_s(processes) - before_s < 0.05:
            break
    return processes


async def rest(url: str) -> dict[str, float]:
    """The memory of a server that was asked nothing."""
    return {"resident_mb": sum(process.memory_info().rss for process in await processes_at_rest(url)) / 2**20}


def _processor_s(processes: Iterable[psutil.Process]) -> float:
    return sum(sum(process.cpu_times()[:2]) for process in processes)


def journal_of(folder: Path, run_id: str, piece_count: int, rows: int) -> tuple[RunPath, dict[str, Any], list[bytes]]:
    """The header of a run's journal, and its bytes as they came."""
    store, path = FolderStore(folder), RunPath("ada", "sent", run_id)
    writer = open_run(store, path, {}).writer
    name, journal = PartName(writer.writer, 0), store.journal(path)
    pieces: list[bytes] = []
    for number in range(piece_count):
        for step in range(number * rows, number * rows + rows):
            row = {key: random.random() for key in SCALARS}
            writer.log(row, step=step, timestamp=1.79561e9 + step, runtime=0.1 * step)
        pieces.append(journal.read(name, sum(map(len, pieces))))
    writer.close()
    return path, {**writer.header.body, "writer": writer.writer}, pieces


def _told(seconds: list[float]) -> dict[str, float]:
    ordered = sorted(seconds)
    return {
        "p50_ms": 1e3 * ordered[len(ordered) // 2],
        "p99_ms": 1e3 * ordered[int(len(ordered) * 0.99)],
    }


def _chunk(offset: int, row_count: int) -> bytes:
    lines = [
        json.dumps(
            {name: random.random() for name in SCALARS}
            | {"_step": step, "_timestamp": 1.79561e9 + step, "_runtime": 0.1 * step},
            separators=(",", ":"),
        )
        for step in range(offset, offset + row_count)
    ]
    files = {
        "wandb-history.jsonl": {"offset": offset, "content": lines},
        "wandb-summary.json": {"offset": 0, "content": [lines[-1]]},
    }
    return json.dumps({"files": files}).encode()


def read(place: str, path: str) -> dict[str, float]:
    """All of a run as an Arrow table, from a folder or from a server; the second time counts."""
    with runlake.Api(place, api_key=KEY if place.startswith("http") else None) as api:
        api.run(path).to_arrow()
        began_at = time.perf_counter()
        table = api.run(path).to_arrow()
        return {"seconds": time.perf_counter() - began_at, "count": table.num_rows}


def log(store: str, project: str, name: str, row_count: int, key_count: int, odd_row: int) -> dict[str, float]:
    """A finished run of rows; with `odd_row` one of them has a key more. Sealed."""
    random.seed(name)
    rows = [{f"metric_{i}": random.random() for i in range(key_count)} for _ in range(1000)]
    settings = {"silent": True, "disable_system": True, "console": "off", "seal": "off"}
    run = runlake.init(store=store, entity="ada", project=project, id=name, settings=settings)
    with run:
        for number in range(row_count):
            run.log(rows[number % 1000] if number + 1 < row_count or not odd_row else {**rows[0], "odd": 1.0})
    for _ in LocalService(Path(store), default_entity="ada").seal("ada", project, name):
        pass
    return {"count": row_count}


def main() -> None:
    what, *words = sys.argv[1:]
    match what:
        case "stream":
            answer = asyncio.run(stream(words[0], *map(int, words[1:])))
        case "rest":
            answer = asyncio.run(rest(words[0]))
        case "replicate":
            *counts, folder = words[1:]
            answer = asyncio.run(replicate(words[0], *map(int, counts), folder))
        case "sample":
            answer = asyncio.run(sample(words[0], *map(int, words[1:])))
        case "read":
            answer = read(*words)
        case "log":
            answer = log(words[0], words[1], words[2], *map(int, words[3:]))
        case _:
            raise SystemExit(f"there is no case {what}")
    print(json.dumps(answer))


if __name__ == "__main__":
    main()
