"""The server's log: one JSON object a line on stderr, one line for each request.

A line names the route and the path and never the query, which may hold a token, nor any header: no API key and no
signed URL can be read out of a log.
"""

from __future__ import annotations

import json
import logging
import re
import secrets
import sys
import time
import traceback
from typing import Any

from runlake.clean_text import json_text, lines, one_line
from runlake.server.config import LogFormat
from runlake.server.http.asgi import ASGIApp, Message, Receive, Scope, Send
from runlake.server.people.directory import Person

ERROR_IN_SCOPE = "runlake.error"
"""Where `problems.problem_response` leaves the error that it answered, for the log."""

_SECRETS = re.compile(r"local-[\w-]{40,}|(?<=token=)[^&\s\"']+|(?<=Bearer )\S+|(?<=Basic )\S+")
_encode = json.JSONEncoder(ensure_ascii=False, default=str).encode
logger = logging.getLogger("runlake.server")


class JsonLines(logging.Formatter):
    """Records as JSON objects: time, level, logger, message, and what was given as ``extra={"fields": …}``."""

    def format(self, record: logging.LogRecord) -> str:
        """One line."""
        document = {"time": _utc(record.created), "level": record.levelname.lower(), "event": record.getMessage()}
        document |= getattr(record, "fields", {})
        if record.name != logger.name:
            document["logger"] = record.name
        if record.exc_info:
            document["traceback"] = "".join(traceback.format_exception(*record.exc_info))
        return hide_secrets(json_text(_encode(document)))


class TextLines(logging.Formatter):
    """The same for people who look at a terminal."""

    def format(self, record: logging.LogRecord) -> str:
        """One line, and below it the traceback of an error."""
        fields = " ".join(f"{name}={_one_line(value)}" for name, value in getattr(record, "fields", {}).items())
        text = f"{_utc(record.created)} {record.levelname.lower():7} {one_line(record.getMessage())} {fields}".rstrip()
        if record.exc_info:
            text += "\n" + lines("".join(traceback.format_exception(*record.exc_info)).rstrip())
        return hide_secrets(text)


def configure_logs(form: LogFormat) -> None:
    """Send what this process logs to stderr, in one form; its libraries' warnings too."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines() if form == "json" else TextLines())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    logger.setLevel(logging.INFO)
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access", "litestar"):
        library = logging.getLogger(name)
        library.handlers.clear()
        library.propagate = name != "uvicorn.access"  # it would log queries, and with them tokens
    logging.getLogger("uvicorn.error").setLevel(logging.INFO)
    logging.captureWarnings(True)


def hide_secrets(text: str) -> str:
    """The text without what looks like a key or a token: the last wall, for messages of libraries."""
    return _SECRETS.sub("***", text)


class RequestLog:
    """Logs each request when its answer is complete, and gives it an id that the client is told (``X-Request-Id``)."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, and log how it ended."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began_at = time.perf_counter()
        request_id = secrets.token_hex(6)
        status, received_bytes, sent_bytes = 0, 0, 0

        async def receive_and_count() -> Message:
            nonlocal received_bytes
            message = await receive()
            if message["type"] == "http.request":
                received_bytes += len(message.get("body", b""))
            return message

        async def send_and_count(message: Message) -> None:
            nonlocal status, sent_bytes
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message["headers"], (b"x-request-id", request_id.encode())]
            elif message["type"] == "http.response.body":
                sent_bytes += len(message.get("body", b""))
            await send(message)

        error: BaseException | None = None
        try:
            await self._app(scope, receive_and_count, send_and_count)
        except BaseException as caught:
            error = caught
            raise
        finally:
            fields: dict[str, Any] = {
                "request_id": request_id,
                "method": scope["method"],
                "route": route_of(scope),
                "path": scope["path"],
                "status": status,
                "duration_ms": round((time.perf_counter() - began_at) * 1000, 3),
                "person": person_of(scope),
                "client": (scope.get("client") or ("",))[0],
                "received_bytes": received_bytes,
                "sent_bytes": sent_bytes,
            }
            error = error or scope.get(ERROR_IN_SCOPE)
            # A client that goes away cancels its request: that is no fault of the server.
            is_error_status = status >= 500 and status != 501
            is_fault = is_error_status or (status == 0 and isinstance(error, Exception))
            level = logging.ERROR if is_fault else logging.INFO
            logger.log(level, "request", extra={"fields": fields}, exc_info=error if is_fault else None)


def route_of(scope: Scope) -> str:
    """The template of the address that was asked for, so that one run more is not one name more."""
    return str(scope.get("path_template") or "other")


def person_of(scope: Scope) -> str | None:
    """The name of who asked, None for nobody."""
    user = scope.get("user")
    return user.username if isinstance(user, Person) else None


def _one_line(value: object) -> str:
    """The value as it is, unless it could pass for another line of the log."""
    text = str(value)
    return text if text.isprintable() else repr(text)


def _utc(timestamp: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(timestamp)) + f".{int(timestamp % 1 * 1000):03d}Z"
