"""The model as bytes for the network, and back: the only place that knows both.

JSON is that of `values.encode_json`, so that NaN, bytes and integers of any size survive: a document is what
`pack` makes and `unpack` reads. Errors travel as documents that name their class (`server.http.problems`).
Rows travel as Arrow: see `service.wire.rows`; the openings of writers as msgpack: `store.ingest.grant_codec`.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import quote

import msgspec

from runlake import errors
from runlake.clean_text import lines
from runlake.errors import (
    AuthenticationError,
    BadValueError,
    ConflictError,
    ForbiddenError,
    GapError,
    NotFoundError,
    NotSupportedError,
    RunlakeError,
    TooLargeError,
    UnreachableError,
)
from runlake.model import Lane, RunEdit, RunPath, Stream
from runlake.ready import ready
from runlake.store.ingest.grant_codec import pack_grant, unpack_request
from runlake.values import decode_json, encode_json

if TYPE_CHECKING:  # who sends a journal speaks of neither
    from runlake.listing_model import RunColumnsPage
    from runlake.query.rows.history import HistoryOutline
    from runlake.sweep_model import SweepPath

__all__ = ["pack_grant", "unpack_request"]

API_PREFIX = "/api/v1"

JSON_TYPE = "application/json"
LINES_TYPE = "application/x-ndjson"
ARROW_TYPE = "application/vnd.apache.arrow.stream"
ROWS_TYPE = "application/vnd.runlake.rows"
FRAMES_TYPE = "application/vnd.runlake.frames"
MSGPACK_TYPE = "application/msgpack"
TILES_TYPE = "application/vnd.runlake.tiles"
EVENTS_TYPE = "text/event-stream"

T = TypeVar("T")


def run_address(path: RunPath, *rest: str) -> str:
    """Where a run is, within a server: ``/api/v1/runs/entity/project/id``, and what of it behind that."""
    return "/".join((f"{API_PREFIX}/runs", *(quote(part, safe="") for part in (*path, *rest))))


def sweep_address(path: SweepPath, *rest: str) -> str:
    """Where a sweep is, within a server."""
    return "/".join((f"{API_PREFIX}/sweeps", *(quote(part, safe="") for part in (*path, *rest))))


def file_address(path: RunPath, name: str) -> str:
    """Where a file of a run is, within a server."""
    return f"{run_address(path)}/files/{quote(name, safe='/')}"


def project_address(entity: str, project: str, *rest: str) -> str:
    """Where a project is, within a server."""
    return "/".join((f"{API_PREFIX}/projects", *(quote(part, safe="") for part in (entity, project, *rest))))


_ROOM_FOR_WRAPPING = -10
"""A document is a few levels deeper than the values in it, which may be as deep as values can be."""


def pack(value: Any) -> bytes:
    """A value of the model, or plain data with such in it, as JSON."""
    return encode_json(plain(value), depth=_ROOM_FOR_WRAPPING).encode()


def unpack(text: bytes | str, kind: type[T]) -> T:
    """The inverse of `pack` for a value of type `kind`; BadValueError for JSON that is none."""
    try:
        decoded = decode_json(text.decode() if isinstance(text, bytes) else text)
        return msgspec.convert(decoded, ready(kind), strict=False)
    except (ValueError, TypeError, LookupError, RecursionError) as error:
        raise BadValueError(f"this is no {getattr(kind, '__name__', kind)}: {error}") from None


def read_json(text: bytes) -> Any:
    """Plain data in the form of `values.encode_json`; BadValueError for text that is none."""
    try:
        decoded = decode_json(text.decode())
        for item in decoded.items() if isinstance(decoded, dict) else ():
            for said in item:
                if isinstance(said, str):
                    said.encode()  # half a surrogate pair may be a value, but is no word of ours
        return decoded
    except (ValueError, TypeError, LookupError, RecursionError) as error:
        raise BadValueError(f"the JSON cannot be read: {error}") from None


def plain(value: Any) -> Any:
    """Structs and tuples as dicts and lists; other values as they are."""
    if isinstance(value, msgspec.Struct):
        return {name: plain(getattr(value, name)) for name in value.__struct_fields__}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    return value


# What the network needs besides the model ------------------------------------------------------------------


class ServiceInfo(msgspec.Struct, frozen=True, kw_only=True):
    """Who is asking, and what answers: `default_entity` is that of paths that name none."""

    default_entity: str
    version: str


class RunsQuery(msgspec.Struct, frozen=True, kw_only=True):
    """Which runs, in what order: as `list_runs` has it."""

    filters: dict[str, Any] | None = None
    order: tuple[str, ...] = ("+created_at",)
    offset: int = 0
    limit: int | None = None
    version: str | None = None


class HistoriesQuery(msgspec.Struct, frozen=True, kw_only=True):
    """Which rows of which runs: as `read_histories` has it."""

    keys: list[str] | None
    stream: Stream = "history"
    filters: dict[str, Any] | None = None
    order: tuple[str, ...] = ("+created_at",)
    version: str | None = None


class KeysQuery(msgspec.Struct, frozen=True, kw_only=True):
    """Which series: for lists of keys that are too long for an address."""

    keys: list[str] | None = None


class RunAddress(msgspec.Struct, frozen=True, kw_only=True):
    """A run by its path, or by its name in the trash."""

    entity: str | None = None
    project: str | None = None
    run_id: str | None = None
    trash_name: str | None = None


class BulkRuns(msgspec.Struct, frozen=True, kw_only=True):
    """Several runs of one project."""

    run_ids: tuple[str, ...]


class BulkEdit(msgspec.Struct, frozen=True, kw_only=True):
    """One edit of several runs of one project."""

    run_ids: tuple[str, ...]
    edit: RunEdit


class BulkFailure(msgspec.Struct, frozen=True, kw_only=True):
    """A run to which it was not done, and why."""

    run: str
    error: str


class BulkAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """What became of each of several runs, by their ids."""

    done: tuple[str, ...]
    failed: tuple[BulkFailure, ...]


class Sealed(msgspec.Struct, frozen=True, kw_only=True):
    """A run that was sealed or merged, and how many rows of it."""

    entity: str
    project: str
    run_id: str
    row_count: int


class FileCount(msgspec.Struct, frozen=True, kw_only=True):
    """How many files a run has."""

    file_count: int


class Keys(msgspec.Struct, frozen=True, kw_only=True):
    """The escaped paths of all keys, in first-logged order."""

    keys: list[str]


class OutlineDocument(msgspec.Struct, frozen=True, kw_only=True):
    """A `HistoryOutline`: of each series what `SeriesOutline` holds."""

    row_count: int
    series: list[tuple[str, Lane, int, int]]


def pack_outline(outline: HistoryOutline) -> bytes:
    series = [(s.key, s.lane, s.largest, s.value_count) for s in outline.series]
    return pack(OutlineDocument(row_count=outline.row_count, series=series))


def unpack_outline(text: bytes) -> HistoryOutline:
    from runlake.query.rows.history import HistoryOutline, SeriesOutline

    document = unpack(text, OutlineDocument)
    return HistoryOutline(document.row_count, [SeriesOutline(*one) for one in document.series])


def pack_run_columns(page: RunColumnsPage) -> bytes:
    """A page of columns: `unpack` reads it."""
    facets = page.facets and {name: plain(values) for name, values in page.facets.items()}
    return pack({**plain(page), "facets": facets})


# Errors ----------------------------------------------------------------------------------------------------

_ERRORS: dict[str, type[RunlakeError]] = {
    name: kind for name, kind in vars(errors).items() if inspect.isclass(kind) and issubclass(kind, RunlakeError)
}
_ERROR_OF_STATUS: dict[int, type[RunlakeError]] = {
    401: AuthenticationError,
    403: ForbiddenError,
    404: NotFoundError,
    405: NotSupportedError,
    409: ConflictError,
    413: TooLargeError,
    501: NotSupportedError,
}


def problem_document(error: RunlakeError) -> dict[str, Any]:
    """An error that comes after the answer has begun, in the form of `server.http.problems`."""
    details = {"expected": error.expected} if isinstance(error, GapError) else {}
    return {"error": {"type": type(error).__name__, "message": lines(str(error)), **details}}


def error_of(status: int, document: Mapping[str, Any]) -> RunlakeError:
    """The error that a problem document stands for, of the class that it had on the other side."""
    told = document.get("error")
    told = told if isinstance(told, Mapping) else {}
    message = str(told.get("message") or document.get("detail") or f"the server answered with the status {status}")
    kind = _ERRORS.get(str(told.get("type")))
    if kind is GapError:
        return GapError(message, int(told.get("expected", 0)))
    if kind is None:
        kind = _ERROR_OF_STATUS.get(status) or (BadValueError if status < 500 else UnreachableError)
    return kind(message)
