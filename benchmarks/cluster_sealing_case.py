"""Appends to a replica while it seals a long run, and before and after that; the case is a process of its own."""

from __future__ import annotations

import asyncio
import json
import random
import re
import statistics
import sys
import time
from pathlib import Path
from typing import Any

import httpx

from benchmarks.server_case import SCALARS, Connection, journal_of
from benchmarks.serving import KEY
from runlake.model import OpenRequest, RunPath
from runlake.store.folder_store import FolderStore
from runlake.store.ingest.grant_codec import pack_request
from runlake.store.opening.open import open_run

_WRITERS, _ROWS, _PAUSE_S, _ELSE_S = 16, 20, 0.1, 10.0
_MOST_APPENDS = 1200


async def append_beside(url: str, row_count: int, folder: Path) -> dict[str, float]:
    """Milliseconds of 99 of 100 appends of writers that send ten times a second."""
    path, header, parts = _long_run(folder / "long", row_count)
    told: list[tuple[float, float]] = []
    runs = [journal_of(folder / "short", f"short-{number}", _MOST_APPENDS, _ROWS) for number in range(_WRITERS)]
    writers = [asyncio.create_task(_append(url, run, told)) for run in runs]
    await asyncio.sleep(_ELSE_S)
    connection = await _begun(url, path, header)
    for number, data in enumerate(parts):
        await connection.post(f"/api/v1/runs/{path}/writers/{header['writer']}/{number}?offset=0", data, "PUT")
    began_s = time.perf_counter()
    while await asyncio.to_thread(_unsealed_count, url) > _WRITERS:
        await asyncio.sleep(0.5)
    ended_s = time.perf_counter()
    await asyncio.sleep(_ELSE_S)
    for writer in writers:
        writer.cancel()
    await asyncio.gather(*writers, return_exceptions=True)
    sealing = [took_s for at_s, took_s in told if began_s <= at_s < ended_s]
    others = [took_s for at_s, took_s in told if not began_s <= at_s < ended_s]
    return {
        "sealing_p99_ms": 1e3 * statistics.quantiles(sealing, n=100)[-1],
        "else_p99_ms": 1e3 * statistics.quantiles(others, n=100)[-1],
        "sealing_s": ended_s - began_s,
    }


def _long_run(folder: Path, row_count: int) -> tuple[RunPath, dict[str, Any], list[bytes]]:
    """A run that has ended: the header and the bytes of its parts."""
    store, path = FolderStore(folder), RunPath("ada", "sent", "long")
    writer = open_run(store, path, {}).writer
    rows = [{key: random.random() for key in SCALARS} for _ in range(1000)]
    for step in range(row_count):
        writer.log(rows[step % 1000], step=step, timestamp=1.79561e9 + step, runtime=0.1 * step)
    writer.end({"exit_code": 0, "state": "finished", "runtime": 0.1 * row_count})
    journal = store.journal(path)
    parts = [journal.read(name) for name, _ in journal.list_parts()]
    return path, {**writer.header.body, "writer": writer.writer}, parts


async def _append(url: str, run: tuple[RunPath, dict[str, Any], list[bytes]], told: list[tuple[float, float]]) -> None:
    """What one process sends of its run, until it is cancelled; when, and how long each took."""
    path, header, pieces = run
    connection, offset = await _begun(url, path, header), 0
    for piece in pieces:
        at_s = time.perf_counter()
        await connection.post(f"/api/v1/runs/{path}/writers/{header['writer']}/0?offset={offset}", piece, "PUT")
        told.append((at_s, time.perf_counter() - at_s))
        offset += len(piece)
        await asyncio.sleep(_PAUSE_S)


async def _begun(url: str, path: RunPath, header: dict[str, Any]) -> Connection:
    connection = await Connection(url).open()
    await connection.post(f"/api/v1/runs/{path}/writers", pack_request(OpenRequest(token=path.run_id, header=header)))
    return connection


def _unsealed_count(url: str) -> int:
    text = httpx.get(f"{url}/metrics", auth=("api", KEY), timeout=60).text
    return int(float(re.findall(r"^runlake_unsealed_parts (\S+)", text, re.MULTILINE)[0]))


if __name__ == "__main__":
    url, count, place = sys.argv[1:]
    print(json.dumps(asyncio.run(append_beside(url, int(count), Path(place)))))
