"""A server for the official client that keeps nothing: what a training costs when nobody does anything with it.

``python -m benchmarks.throw_away`` prints its address. It reads each request whole, and answers what the client must
be told to go on: of GraphQL the operations of a run from begin to end, of everything else that it is well.
"""

from __future__ import annotations

import asyncio
import json
import re
from typing import Any

_NAME = re.compile(r"\b(?:query|mutation)\s+(\w+)")


async def serve() -> None:
    """Until the process is ended."""
    server = await asyncio.start_server(_connection, "127.0.0.1", 0, limit=2**26)
    host, port = server.sockets[0].getsockname()
    print(f"http://{host}:{port}", flush=True)
    async with server:
        await server.serve_forever()


async def _connection(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while True:
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
            line, *headers = head.split("\r\n")
            fields = {name.lower(): value.strip() for name, _, value in (header.partition(":") for header in headers)}
            body = await _body(reader, fields)
            answer = json.dumps(_answer(line.split()[1], body, fields.get("host", ""))).encode()
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n")
            writer.write(f"Content-Length: {len(answer)}\r\n\r\n".encode() + answer)
            await writer.drain()
    except (asyncio.IncompleteReadError, ConnectionError):
        pass  # the client has gone
    finally:
        writer.close()


async def _body(reader: asyncio.StreamReader, fields: dict[str, str]) -> bytes:
    if fields.get("transfer-encoding") != "chunked":
        return await reader.readexactly(int(fields.get("content-length", 0)))
    pieces = []
    while size_bytes := int(await reader.readline(), 16):
        pieces.append(await reader.readexactly(size_bytes))
        await reader.readline()
    await reader.readline()
    return b"".join(pieces)


def _answer(path: str, body: bytes, host: str) -> dict[str, Any]:
    if not path.startswith("/graphql"):
        return {}
    asked = json.loads(body)
    variables = asked.get("variables") or {}
    found = _NAME.search(asked["query"])
    project = {"id": "p", "name": "benchmark", "entity": {"id": "e", "name": "ada"}}
    match found and found[1]:
        case "Viewer":
            viewer = {"id": "u", "username": "ada", "entity": "ada", "flags": "{}", "teams": {"edges": []}}
            return {"data": {"viewer": viewer}}
        case "UpsertBucket":
            name = variables.get("name") or "run"
            bucket = {"id": "r", "name": name, "displayName": name, "config": "{}", "project": project}
            return {"data": {"upsertBucket": {"bucket": bucket | {"historyLineCount": 0}, "inserted": True}}}
        case "CreateRunFiles":
            files = [
                {"name": name, "uploadUrl": f"http://{host}/up/{number}"}
                for number, name in enumerate(variables.get("files") or [])
            ]
            return {"data": {"createRunFiles": {"runID": "r", "uploadHeaders": [], "files": files}}}
        case "RunResumeStatus":
            return {"data": {"model": None}}
    return {"errors": [{"message": "this server keeps nothing"}]}


if __name__ == "__main__":
    asyncio.run(serve())
