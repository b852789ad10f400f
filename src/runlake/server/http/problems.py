"""From an error to an HTTP answer: the one table, for every route.

A client that gets a 4xx takes it for final: the W&B client then sends nothing more of a run. So a 4xx says that the
request is wrong and stays wrong; whatever is the matter with the server's disk, database or memory is a 5xx that
tells the client to come back. What only happened because of a mistake in runlake is a 500 without its details, which
the log has.
"""

from __future__ import annotations

import errno
import traceback
from collections.abc import Mapping
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, cast

import msgspec

from runlake import errors
from runlake.clean_text import lines
from runlake.server.http.asgi import ASGIApp, Message, Receive, Scope, Send
from runlake.server.http.logs import ERROR_IN_SCOPE

if TYPE_CHECKING:
    from litestar import Request, Response

CHALLENGE = 'Basic realm="runlake"'
"""The WWW-Authenticate header of an answer to nobody."""

RETRY_SOON_S = 5.0
RETRY_WHEN_MENDED_S = 30.0
"""For faults that a person has to mend."""

_STATUSES: tuple[tuple[type[Exception], HTTPStatus, float | None], ...] = (
    (errors.NotFoundError, HTTPStatus.NOT_FOUND, None),
    (errors.AuthenticationError, HTTPStatus.UNAUTHORIZED, None),
    (errors.ForbiddenError, HTTPStatus.FORBIDDEN, None),
    (errors.TooLargeError, HTTPStatus.REQUEST_ENTITY_TOO_LARGE, None),
    (errors.SqlLimitError, HTTPStatus.REQUEST_ENTITY_TOO_LARGE, None),
    (errors.SlowError, HTTPStatus.REQUEST_TIMEOUT, None),
    (errors.BusyError, HTTPStatus.TOO_MANY_REQUESTS, None),
    (errors.ConflictError, HTTPStatus.CONFLICT, None),
    (errors.BadValueError, HTTPStatus.BAD_REQUEST, None),
    (errors.LogTypeError, HTTPStatus.BAD_REQUEST, None),
    (errors.ConfigError, HTTPStatus.BAD_REQUEST, None),
    (errors.UsageError, HTTPStatus.BAD_REQUEST, None),
    (errors.NotSupportedError, HTTPStatus.NOT_IMPLEMENTED, None),
    (errors.TruncatedError, HTTPStatus.SERVICE_UNAVAILABLE, RETRY_SOON_S),
    (errors.StoreError, HTTPStatus.SERVICE_UNAVAILABLE, RETRY_WHEN_MENDED_S),
    (errors.UnreachableError, HTTPStatus.SERVICE_UNAVAILABLE, RETRY_SOON_S),
    (errors.RunlakeError, HTTPStatus.INTERNAL_SERVER_ERROR, None),
    (OSError, HTTPStatus.SERVICE_UNAVAILABLE, RETRY_SOON_S),
    (MemoryError, HTTPStatus.SERVICE_UNAVAILABLE, RETRY_SOON_S),
)
"""The first match wins, so the narrow ones come first; what is not here is a 500."""

_NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


class Problem(msgspec.Struct, frozen=True, kw_only=True):
    """What a client is told: `kind` is the name of the error's class, `message` for a person to read.

    `details` is what a program needs beside that: `expected` of a `GapError`.
    """

    status: int
    kind: str
    message: str
    retry_after_s: float | None = None
    details: dict[str, Any] = {}

    @property
    def body(self) -> bytes:
        """The answer as JSON, in the form that both our client and the W&B client read."""
        return msgspec.json.encode({"error": {"type": self.kind, "message": lines(self.message), **self.details}})

    @property
    def headers(self) -> dict[str, str]:
        """What the answer's headers say beside its type and length."""
        found = {}
        if self.retry_after_s is not None:
            found["Retry-After"] = str(max(1, round(self.retry_after_s)))
        if self.status == HTTPStatus.UNAUTHORIZED:
            found["WWW-Authenticate"] = CHALLENGE
        return found

    @property
    def is_ours(self) -> bool:
        """Whether somebody has to look into the server's log."""
        return self.status >= HTTPStatus.INTERNAL_SERVER_ERROR and self.status != HTTPStatus.NOT_IMPLEMENTED


def problem_of(error: Exception) -> Problem:
    """What to answer when `error` was not caught."""
    if isinstance(error, OSError) and not isinstance(error, errors.RunlakeError):
        return _problem_of_system(error)
    refused = _problem_of_framework(error)
    if refused is not None:
        return refused
    status, retry_after_s = next(
        ((status, retry) for kind, status, retry in _STATUSES if isinstance(error, kind)),
        (HTTPStatus.INTERNAL_SERVER_ERROR, None),
    )
    if isinstance(error, errors.BusyError):
        retry_after_s = error.retry_after_s
    if isinstance(error, errors.RunlakeError):
        message = str(error)
    elif isinstance(error, MemoryError):
        message = "the server is out of memory for this; ask for less, or later"
    else:
        message = f"an unexpected {type(error).__name__} in the server; its log says more"
    return Problem(
        status=int(status),
        kind=type(error).__name__,
        message=message,
        retry_after_s=retry_after_s,
        details={"expected": error.expected} if isinstance(error, errors.GapError) else {},
    )


def forget_frames(error: BaseException | None) -> None:
    """Have an error hold nothing of the request that it ends: a body, what was read of it, an answer half made.

    Its traceback keeps every local variable of the frames it came through, and frames and errors are in circles with
    each other: 24 refused bodies of 31 MiB were 900 MiB, until the garbage collector came by. Who logs the error
    still finds where it was raised.
    """
    seen: set[int] = set()  # an error may be its own cause
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        traceback.clear_frames(error.__traceback__)
        error = error.__cause__ or error.__context__


def problem_response(request: Request[Any, Any, Any], error: Exception) -> Response[bytes]:
    """The answer to a request whose handler raised `error`: an exception handler of Litestar."""
    from litestar import Response

    problem = problem_of(error)
    cast(dict[str, Any], request.scope)[ERROR_IN_SCOPE] = error
    forget_frames(error)
    return Response(problem.body, status_code=problem.status, headers=problem.headers, media_type="application/json")


async def send_problem(send: Send, problem: Problem, *, headers: Mapping[str, str] | None = None) -> None:
    """The answer, from where no handler was asked; `headers` are those beside what every problem says."""
    body = problem.body
    headers = {
        "Content-Type": "application/json",
        "Content-Length": str(len(body)),
        **problem.headers,
        **(headers or {}),
    }
    raw = [(name.lower().encode("ascii"), value.encode("latin-1")) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": problem.status, "headers": raw})
    await send({"type": "http.response.body", "body": body, "more_body": False})


class AnswerFaults:
    """Answers what no handler of a route has caught, as a handler would have: for the layers around the routes."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on; an error after the beginning of an answer goes on to whoever runs this."""
        has_begun = False

        async def send_and_note(message: Message) -> None:
            nonlocal has_begun
            has_begun = True
            await send(message)

        try:
            await self._app(scope, receive, send_and_note)
        except Exception as error:
            if has_begun or scope["type"] != "http":
                raise
            scope[ERROR_IN_SCOPE] = error
            forget_frames(error)
            await send_problem(send, problem_of(error))


def _problem_of_system(error: OSError) -> Problem:
    # The message leaves out the path: it is that of the server's disk.
    has_no_room = error.errno in _NO_ROOM
    return Problem(
        status=int(HTTPStatus.INSUFFICIENT_STORAGE if has_no_room else HTTPStatus.SERVICE_UNAVAILABLE),
        kind=type(error).__name__,
        message=f"the server's disk did not do it ({error.strerror or type(error).__name__}); trying again is safe",
        retry_after_s=RETRY_WHEN_MENDED_S if has_no_room else RETRY_SOON_S,
    )


def _problem_of_framework(error: Exception) -> Problem | None:
    """What the framework refused itself: an address that is not there, a body that is not what it should be."""
    from litestar.exceptions import HTTPException
    from msgspec import ValidationError

    if not isinstance(error, HTTPException):
        return None
    if isinstance(error.__cause__, ValidationError) and error.status_code >= HTTPStatus.INTERNAL_SERVER_ERROR:
        # A field of a body that is named like something that handlers are given, which itself is never validated.
        return Problem(status=int(HTTPStatus.BAD_REQUEST), kind="BadValueError", message=f"{error.__cause__}")
    if error.status_code >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return Problem(status=error.status_code, kind=type(error).__name__, message="an unexpected error in the server")
    kinds = {404: "NotFoundError", 401: "AuthenticationError", 403: "ForbiddenError", 413: "TooLargeError"}
    message = error.detail or HTTPStatus(error.status_code).phrase
    extra = error.extra
    if isinstance(extra, list) and extra:
        message += ": " + "; ".join(
            str(each.get("message", each)) if isinstance(each, dict) else str(each) for each in extra
        )
    return Problem(status=error.status_code, kind=kinds.get(error.status_code, "BadValueError"), message=message)
