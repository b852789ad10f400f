"""HTTP on one connection, as uvicorn speaks it, with an end to what a client may send, and to how long it may take.

uvicorn bounds neither the head of a request nor the time for it, waits for ever for a client that does not read its
answer, and goes on receiving a body that was refused. A mistake of the client is answered as every other error is.
"""

from __future__ import annotations

import asyncio
from http import HTTPStatus
from typing import Any

from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

from runlake.server.http.connections import IN_STATE, Connections
from runlake.server.http.headers import with_security
from runlake.server.http.problems import Problem
from runlake.server.people.directory import Person

_LINGER_BYTES = 1 << 20
_LINGER_S = 5.0
"""So much, and so long, is read of a body that nobody wants, so that its client comes to reading the answer."""
_FIRST_WORD_S, _NEXT_WORD_S = 1.0, 0.1
"""A worker that ends waits so long for the request of who has just come, and of who was answered before."""


class _RefusedHead(Exception):
    """Ends the parser."""


class BoundedProtocol(HttpToolsProtocol):
    """A connection whose heads, pauses and debts are bounded by the settings of the server."""

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self._connections: Connections = app_state[IN_STATE]
        self._limits = self._connections.config
        self.address = ""
        self._is_known = False
        self._is_refused = False
        self._is_last = False
        self._refusal: Problem | None = None
        self._is_in_head = True
        self._head_bytes = 0
        self._head_since: float | None = None
        self._linger_since: float | None = None
        self._lingered_bytes = 0
        self._unsent_bytes = 0
        self._patience_s = self._limits.answer_timeout_s

    # What the event loop tells

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """A client has come."""
        super().connection_made(transport)
        self.address = self.client[0] if self.client else ""
        self._head_since = self._connections.clock()
        if not self._connections.open(self):
            self._answer(
                _problem(HTTPStatus.SERVICE_UNAVAILABLE, "BusyError", "the server has no room for another client")
            )
            self._is_refused = True
            transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        """A client has gone."""
        self._connections.close(self)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Bytes of the client: no more of a head than may be is given to the parser."""
        while data and not self._is_refused and not self.transport.is_closing():
            if not self._is_in_head:
                if self._linger_since is not None:
                    self._lingered_bytes += len(data)
                    if self._lingered_bytes > _LINGER_BYTES:
                        self.flow.pause_reading()
                super().data_received(data)
                return
            if self._head_since is None:
                self._head_since = self._connections.clock()
            room = self._limits.max_header_bytes - self._head_bytes
            if room <= 0:
                self._refuse(self._head_too_large(), "large_head")
                return
            piece, data = (data, b"") if len(data) <= room else (data[:room], data[room:])
            self._head_bytes += len(piece)
            super().data_received(piece)

    def resume_writing(self) -> None:
        """The client has read what was there for it."""
        self._patience_s = self._limits.answer_timeout_s
        super().resume_writing()

    # What the parser tells

    def on_headers_complete(self) -> None:
        """A head is whole."""
        if len(self.headers) > self._limits.max_header_count or len(self.url) > self._limits.max_url_bytes:
            self._refusal = self._head_too_large()
            raise _RefusedHead
        super().on_headers_complete()
        if self._is_last:
            self.cycle.keep_alive = False
        self._is_in_head, self._head_bytes, self._head_since = False, 0, None
        if not self._is_known:
            self._connections.go_on(self)

    def on_message_complete(self) -> None:
        """A request is whole."""
        super().on_message_complete()
        self._is_in_head = True
        self._linger_since = None

    def on_response_complete(self) -> None:
        """A request is answered."""
        super().on_response_complete()
        if not self.cycle.response_complete:
            return  # another request came behind it, and is being answered
        if not self._is_known:
            self._is_known = isinstance(self.cycle.scope.get("user"), Person)
            if not self._is_known and not self.transport.is_closing():
                self._connections.wait(self)
        if not self._is_in_head:
            self._linger_since, self._lingered_bytes = self._connections.clock(), 0
        elif self._head_since is not None:
            self._head_since = self._connections.clock()

    def send_400_response(self, msg: str) -> None:
        """What the parser does not take is answered as a problem."""
        problem = self._refusal
        if problem is None:
            self._refuse(_problem(HTTPStatus.BAD_REQUEST, "BadValueError", "this is no request of HTTP"), "malformed")
        else:
            self._refuse(problem, "large_head")

    def _should_upgrade_to_ws(self) -> bool:
        return False

    def _unsupported_upgrade_warning(self) -> None:
        """Nothing is upgraded here, and what strangers ask for is no matter for the log."""

    # What the end of the worker tells

    def shutdown(self) -> None:
        """What has begun is answered, and so is a request that was under way when the worker was told to end.

        To its client a connection that is closed before the answer looks like a server that died.
        """
        self._is_last = True
        if self._is_idle():
            self.loop.call_later(_FIRST_WORD_S if self.cycle is None else _NEXT_WORD_S, self._close_if_idle)
        else:
            self.cycle.keep_alive = False

    def _close_if_idle(self) -> None:
        if self._is_idle() and not self._head_bytes:
            self.transport.close()

    def _is_idle(self) -> bool:
        return self.cycle is None or self.cycle.response_complete

    # What the clock tells

    def look(self, now: float, elapsed_s: float) -> None:
        """End whatever has taken too long."""
        if self.transport is None:
            return
        if self._is_refused:
            # The answer had a moment to be read: closing breaks the connection off where something is unread here.
            self.transport.close()
        if self._is_idle() and self._head_since is not None and now - self._head_since > self._limits.header_timeout_s:
            if self._head_bytes:
                self._refuse(_problem(HTTPStatus.REQUEST_TIMEOUT, "SlowError", "the request did not come"), "slow_head")
            else:
                self.transport.close()
        if self._linger_since is not None and (
            self._lingered_bytes > _LINGER_BYTES
            or now - self._linger_since > min(_LINGER_S, self._limits.header_timeout_s)
        ):
            self.transport.close()
        self._look_at_answer(elapsed_s)

    def _look_at_answer(self, elapsed_s: float) -> None:
        """A client that does not read, or reads next to nothing, is not waited for."""
        unsent_bytes = self.transport.get_write_buffer_size()
        if unsent_bytes == 0 and not self.transport.is_closing():
            self._patience_s = self._limits.answer_timeout_s
        else:
            read_bytes = max(0, self._unsent_bytes - unsent_bytes)
            earned_s = read_bytes / self._limits.min_body_bytes_per_s
            self._patience_s = min(self._limits.answer_timeout_s, self._patience_s + earned_s - elapsed_s)
            if self._patience_s < 0:
                self._connections.refused("slow_reader")
                self.transport.abort()
        self._unsent_bytes = unsent_bytes

    def evict(self) -> None:
        """Make room for another."""
        self.transport.abort()

    # What is answered here

    def _refuse(self, problem: Problem, reason: str) -> None:
        """Answer for the last time; the connection is closed when the client has had time to read it."""
        if self._is_refused:
            return
        self._is_refused = True
        self._connections.refused(reason)
        self._unset_keepalive_if_required()
        if not self._is_idle():
            self.transport.close()  # an answer is on its way, and this would come in the middle of it
            return
        self._answer(problem)
        self.flow.pause_reading()

    def _answer(self, problem: Problem) -> None:
        status = HTTPStatus(problem.status)
        body = problem.body
        given = [
            (b"content-type", b"application/json"),
            (b"content-length", b"%d" % len(body)),
            (b"connection", b"close"),
        ]
        headers = [*self.server_state.default_headers, *with_security(given)]
        lines = [
            b"HTTP/1.1 %d %s" % (status, status.phrase.encode()),
            *(name + b": " + value for name, value in headers),
        ]
        self.transport.write(b"\r\n".join([*lines, b"", body]))

    def _head_too_large(self) -> Problem:
        limits = self._limits
        if len(getattr(self, "url", b"")) > limits.max_url_bytes:
            message = (
                f"the address is longer than {limits.max_url_bytes:,} bytes; ask with a body where that can be done"
            )
            return _problem(HTTPStatus.REQUEST_URI_TOO_LONG, "TooLargeError", message)
        message = (
            f"the request has more than {limits.max_header_count} headers, or {limits.max_header_bytes:,} bytes of them"
        )
        return _problem(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, "TooLargeError", message)


def _problem(status: HTTPStatus, kind: str, message: str) -> Problem:
    return Problem(status=int(status), kind=kind, message=message)
