"""Requests to a server: the key, what is tried again, and answers that are errors."""

from __future__ import annotations

import json
import random
import ssl
import time
import weakref
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Literal

import httpx

from runlake.errors import BusyError, CommError, NotSupportedError, RunlakeError, TruncatedError, UnreachableError
from runlake.service.wire.documents import error_of
from runlake.version import __version__

CONNECT_TIMEOUT_S = 5.0
ANSWER_TIMEOUT_S = 60.0
ATTEMPTS = 4
_RETRIED = frozenset({408, 429, 502, 503, 504, 507})
_PASSING = (UnreachableError, BusyError, TruncatedError)
_FIRST_PAUSE_S = 0.2
_LONGEST_PAUSE_S = 10.0

Query = Mapping[str, Any]


class HttpClient:
    """Speaks to one server. Threads may share it; a forked child may not.

    What may safely be done twice is tried `attempts` times while the server cannot be reached or is busy; the rest only
    where it surely was not received. `transport` is another way to the server than a socket.
    """

    def __init__(
        self,
        base_url: str,
        *,
        api_key: str | None = None,
        timeout_s: float | None = None,
        attempts: int = ATTEMPTS,
        transport: httpx.BaseTransport | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.base_url = base_url.rstrip("/")
        self._attempts = attempts
        self._sleep = sleep
        headers = {"User-Agent": f"runlake/{__version__}"}
        if api_key:
            headers["Authorization"] = f"Bearer {api_key}"
        self._client = httpx.Client(
            headers=headers,
            timeout=httpx.Timeout(timeout_s or ANSWER_TIMEOUT_S, connect=min(CONNECT_TIMEOUT_S, timeout_s or 1e9)),
            transport=transport,
            verify=trusted(self.base_url),
            limits=httpx.Limits(max_connections=32, max_keepalive_connections=8),
        )
        weakref.finalize(self, self._client.close)  # who is handed an artifact of a server closes nothing

    def close(self) -> None:
        self._client.close()

    def request(
        self,
        method: str,
        address: str,
        *,
        query: Query | None = None,
        content: bytes | Callable[[], Iterator[bytes]] | None = None,
        headers: Mapping[str, str] | None = None,
        is_repeatable: bool | None = None,
    ) -> bytes:
        """The body of the answer. Raises what the problem document says, UnreachableError where nobody answers.

        `is_repeatable`: doing it twice is as doing it once; by default so for GET and PUT.
        """
        with self.stream(
            method, address, query=query, content=content, headers=headers, is_repeatable=is_repeatable
        ) as response:
            return self._body(response)

    @contextmanager
    def stream(
        self,
        method: str,
        address: str,
        *,
        query: Query | None = None,
        content: bytes | Callable[[], Iterator[bytes]] | None = None,
        headers: Mapping[str, str] | None = None,
        is_repeatable: bool | None = None,
    ) -> Iterator[httpx.Response]:
        """An answer whose body is still to be read; errors as `request` has them."""
        response = self.open(
            method, address, query=query, content=content, headers=headers, is_repeatable=is_repeatable
        )
        try:
            yield response
        finally:
            response.close()

    def open(
        self,
        method: str,
        address: str,
        *,
        query: Query | None = None,
        content: bytes | Callable[[], Iterator[bytes]] | None = None,
        headers: Mapping[str, str] | None = None,
        is_repeatable: bool | None = None,
        timeout_s: float | None = None,
    ) -> httpx.Response:
        """As `stream`; the caller closes the answer. `timeout_s` is how long this one is waited for."""
        repeatable = method in ("GET", "PUT") if is_repeatable is None else is_repeatable
        params: list[tuple[str, str | int | float | bool | None]] = [
            (k, v) for k, values in (query or {}).items() for v in _texts(values)
        ]
        for attempt in range(1, self._attempts + 1):
            request = self._client.build_request(
                method,
                self.base_url + address,
                params=params or None,
                content=content() if callable(content) else content,
                headers=headers,
            )
            if timeout_s is not None:
                request.extensions["timeout"] = {**request.extensions["timeout"], "read": timeout_s}
            pause_s = min(_FIRST_PAUSE_S * 2**attempt, _LONGEST_PAUSE_S) * random.uniform(0.5, 1.0)
            try:
                response = self._client.send(request, stream=True)
            except (httpx.TransportError, httpx.InvalidURL) as error:
                may_repeat = repeatable or isinstance(error, httpx.ConnectError | httpx.ConnectTimeout)
                if attempt == self._attempts or not may_repeat or isinstance(error, httpx.UnsupportedProtocol):
                    raise self._unreachable(error) from error
            else:
                if response.status_code < 400:
                    return response
                problem = self._problem(response)
                is_passing = response.status_code in _RETRIED and isinstance(problem, _PASSING)
                if not is_passing or not repeatable or attempt == self._attempts:
                    raise problem
                pause_s = max(pause_s, min(_retry_after_s(response), _LONGEST_PAUSE_S))
            self._sleep(pause_s)
        raise AssertionError("the last attempt returns or raises")

    def _body(self, response: httpx.Response) -> bytes:
        try:
            return response.read()
        except httpx.TransportError as error:
            raise CommError(f"the answer of {self.base_url} broke off ({_why(error)}); try again") from error

    def _problem(self, response: httpx.Response) -> RunlakeError:
        try:
            body = response.read()
        except httpx.TransportError as error:
            return self._unreachable(error)
        finally:
            response.close()
        try:
            document = json.loads(body)
        except ValueError:
            document = None
        if not isinstance(document, dict):
            return self._not_ours(response.status_code)
        return error_of(response.status_code, document)

    def _not_ours(self, status: int) -> RunlakeError:
        if status in _RETRIED:
            return UnreachableError(f"{self.base_url} is not ready (status {status}); try again later")
        return CommError(
            f"{self.base_url} answered with the status {status}, and not as a runlake server does; is this its address?"
        )

    def _unreachable(self, error: Exception) -> RunlakeError:
        if isinstance(error, httpx.UnsupportedProtocol | httpx.InvalidURL):
            return NotSupportedError(f"{self.base_url!r} is no address of a server: {error}")
        return UnreachableError(f"{self.base_url} cannot be reached ({_why(error)}); is the server running?")


def trusted(base_url: str) -> ssl.SSLContext | Literal[True]:
    """Who may vouch for a server: nobody where none shows a certificate; to read the many of a machine takes long."""
    return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT) if base_url.startswith("http://") else True


def _texts(values: Any) -> list[str]:
    if values is None:
        return []
    if isinstance(values, list | tuple):
        return [str(value) for value in values]
    return [str(values).lower() if isinstance(values, bool) else str(values)]


def _retry_after_s(response: httpx.Response) -> float:
    try:
        return float(response.headers.get("Retry-After", 0))
    except ValueError:
        return 0.0  # a date: the usual pause will do


def _why(error: Exception) -> str:
    return str(error) or type(error).__name__
