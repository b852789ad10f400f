"""What the handlers have in common: who is asked, of which run, and how values become answers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, Literal, TypeVar

from litestar import Request, Response
from litestar.di import NamedDependency
from litestar.params import FromPath, SkipValidation
from litestar.response import Stream

from runlake.errors import RunlakeError
from runlake.model import RunPath
from runlake.server.http.turns import in_turn, pieces_in_turn
from runlake.service.contract import Service
from runlake.service.wire import documents

T = TypeVar("T")

Asked = NamedDependency[SkipValidation[Service]]
"""The service as the caller of this request sees it: the app provides it under the name `service`."""

Run = NamedDependency[SkipValidation[RunPath]]
"""The run that the address names: see `run_path`."""

ONLY_READS = {"only_reads": True}
"""The option of a POST that changes nothing: where nothing may be changed, it may be asked all the same."""

Compression = Literal["none", "lz4", "zstd"]
"""How the buffers of an Arrow answer are packed: worth it where the network is slower than a disk."""


class WireRequest(Request[Any, Any, Any]):
    """A request whose JSON is that of `service.wire.documents`: NaN, bytes and integers of any size come through."""

    async def json(self) -> Any:
        return documents.read_json(await self.body())


def run_path(entity: FromPath[str], project: FromPath[str], run_id: FromPath[str]) -> RunPath:
    """The run that an address names: the dependency `run`."""
    return RunPath(entity, project, run_id)


def answer(value: T, *, status_code: int = 200) -> Response[T]:
    """A value of the model as JSON; `Response[T]` is what the OpenAPI document says of it."""
    return packed(documents.pack(value), status_code=status_code)


def packed(content: bytes, *, status_code: int = 200) -> Response[Any]:
    """JSON that is written already."""
    return Response(content, media_type=documents.JSON_TYPE, status_code=status_code)


def stream(pieces: Iterable[bytes], media_type: str) -> Stream:
    """Bytes as they are made. An error before the first of them is answered as such."""
    return Stream(_begun(pieces), media_type=media_type)


async def costly(request: Request[Any, Any, Any], make: Callable[[], Iterable[bytes]], media_type: str) -> Stream:
    """As `stream`, for what may cost much: each piece is made in a turn of who asks. The body must have been read."""
    pieces = await in_turn(request, lambda: _begun(make()))
    return Stream(pieces_in_turn(request, pieces), media_type=media_type)


def lines(values: Iterable[Any]) -> Stream:
    """One JSON document a line, each as soon as it is there; an error on the way is the last of them."""
    return stream(_lines(values), documents.LINES_TYPE)


def compression_of(asked: Compression) -> str | None:
    """As Arrow names it."""
    return None if asked == "none" else asked


def _begun(pieces: Iterable[bytes]) -> Iterator[bytes]:
    coming = iter(pieces)
    first = next(coming, b"")
    return _chain(first, coming)


def _chain(first: bytes, rest: Iterator[bytes]) -> Iterator[bytes]:
    yield first
    yield from rest


def _lines(values: Iterable[Any]) -> Iterator[bytes]:
    is_begun = False
    try:
        for value in values:
            is_begun = True
            yield documents.pack(value) + b"\n"
    except RunlakeError as error:
        if not is_begun:
            raise
        yield documents.pack(documents.problem_document(error)) + b"\n"
