"""The files of a run: listed, downloaded in whole or in part, stored, removed. Never in memory as a whole."""

from __future__ import annotations

from typing import Annotated, Any

from litestar import Request, Response, delete, get, put
from litestar.params import FromPath, FromQuery, HeaderParameter, QueryParameter
from msgspec import structs

from runlake.model import FileInfo, RunPath
from runlake.server.http.file_bytes import receive_file, send_file
from runlake.server.routes.answers import Asked, Run, answer
from runlake.server.routes.runs import RUN
from runlake.service.wire.documents import FileCount, file_address


@get(f"{RUN}/files", sync_to_thread=True)
def list_files(
    service: Asked,
    run: Run,
    after: FromQuery[str] = "",
    limit: Annotated[int | None, QueryParameter(ge=0)] = None,
    names: Annotated[
        list[str] | None, QueryParameter(name="name", description="Only this file; may be given several times.")
    ] = None,
) -> Response[list[FileInfo]]:
    """The files of the run by name, or at most `limit` behind the name `after`, or those that are called so.

    `url` of each is where it is within this server.
    """
    found = service.list_files(run, names=names, after=after, limit=limit)
    return answer([_with_address(run, info) for info in found])


@get(f"{RUN}/file-count", sync_to_thread=True)
def count_files(service: Asked, run: Run) -> Response[FileCount]:
    """How many files the run has."""
    return answer(FileCount(file_count=service.count_files(run)))


@get(f"{RUN}/files/{{name:path}}", sync_to_thread=True, media_type="application/octet-stream")
def read_file(
    request: Request[Any, Any, Any],
    service: Asked,
    run: Run,
    name: FromPath[str],
    part: Annotated[str | None, HeaderParameter(name="Range")] = None,
    if_range: Annotated[str | None, HeaderParameter(name="If-Range")] = None,
    if_none_match: Annotated[str | None, HeaderParameter(name="If-None-Match")] = None,
) -> Response[Any]:
    """The bytes of one file, or the range of them that is asked for.

    The ETag says which content it is. `If-None-Match` may also name the MD5 of a `FileInfo`: 304 when it fits.
    """
    content = service.open_file(run, name.removeprefix("/"))
    return send_file(request, content, part=part, if_range=if_range, if_none_match=if_none_match)


@put(f"{RUN}/files/{{name:path}}", request_max_body_size=None)
async def put_file(
    service: Asked,
    run: Run,
    name: FromPath[str],
    request: Request[Any, Any, Any],
    content_md5: Annotated[str | None, HeaderParameter(name="Content-MD5")] = None,
) -> Response[FileInfo]:
    """Store a file under `name`, replacing an older one in one step.

    `Content-MD5` (base64) is compared with what arrived; what is not whole replaces nothing.
    """
    info = await receive_file(request, service, run, name.removeprefix("/"), md5=content_md5)
    return answer(_with_address(run, info))


@delete(f"{RUN}/files/{{name:path}}", sync_to_thread=True)
def delete_file(service: Asked, run: Run, name: FromPath[str]) -> None:
    """Remove one file."""
    service.delete_file(run, name.removeprefix("/"))


def _with_address(run: RunPath, info: FileInfo) -> FileInfo:
    """Where the file lies on the server's disk is no business of its clients."""
    return structs.replace(info, url=file_address(run, info.name))


HANDLERS = [list_files, count_files, read_file, put_file, delete_file]
