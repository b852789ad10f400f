"""Numbers about the server, in the form that Prometheus reads; of all workers together.

With several workers each keeps its numbers in files in the folder that ``PROMETHEUS_MULTIPROC_DIR`` names, and
whichever is asked adds them up. The variable must be set before the first worker starts; `runlake serve` does.
"""

from __future__ import annotations

import os
import time

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

from runlake.server.http.asgi import ASGIApp, Message, Receive, Scope, Send
from runlake.server.http.costs import COST_IN_SCOPE, REFUSED_IN_SCOPE
from runlake.server.http.logs import route_of

MULTIPROCESS_VARIABLE = "PROMETHEUS_MULTIPROC_DIR"
CONTENT_TYPE = CONTENT_TYPE_LATEST
_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
_COSTS = (10.0, 100.0, 500.0, 1_000.0, 10_000.0, 100_000.0, 1_000_000.0)


class Metrics:
    """The counters of this worker, and what all workers counted."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        labels = ("method", "route", "status")
        self.requests = Counter("runlake_requests_total", "Requests answered.", labels, registry=self._registry)
        self.seconds = Histogram(
            "runlake_request_seconds",
            "Seconds from a request's first byte to its answer's last.",
            ("method", "route"),
            buckets=_SECONDS,
            registry=self._registry,
        )
        self._refused = Counter(
            "runlake_refused_total",
            "Requests and connections refused because they ask for too much, come too slowly, or too many at once.",
            ("reason",),
            registry=self._registry,
        )
        self.cost = Histogram(
            "runlake_request_cost",
            "What GraphQL requests would cost, counted before anything is done for them.",
            buckets=_COSTS,
            registry=self._registry,
        )
        self.received = Counter("runlake_received_bytes_total", "Bytes of request bodies.", registry=self._registry)
        self.sent = Counter("runlake_sent_bytes_total", "Bytes of answers.", registry=self._registry)

    @property
    def registry(self) -> CollectorRegistry:
        """Where others register what they count in this worker."""
        return self._registry

    def refused(self, reason: str) -> None:
        """Count a request or a connection that was refused; `reason` is one word of few."""
        self._refused.labels(reason).inc()

    def render(self) -> bytes:
        """Everything as text for Prometheus."""
        if not os.environ.get(MULTIPROCESS_VARIABLE):
            return generate_latest(self._registry)
        together = CollectorRegistry()
        MultiProcessCollector(together)  # type: ignore[no-untyped-call]
        return generate_latest(together)


class RequestMetrics:
    """Counts requests by method, route and status."""

    def __init__(self, app: ASGIApp, *, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, and count how it ended."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began_at = time.perf_counter()
        status = 0

        async def receive_and_count() -> Message:
            message = await receive()
            if message["type"] == "http.request":
                self._metrics.received.inc(len(message.get("body", b"")))
            return message

        async def send_and_count(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            elif message["type"] == "http.response.body":
                self._metrics.sent.inc(len(message.get("body", b"")))
            await send(message)

        try:
            await self._app(scope, receive_and_count, send_and_count)
        finally:
            # The method is the client's own word: what is none would be a name more in every number.
            method = scope["method"] if scope["method"] in _METHODS else "other"
            self._metrics.requests.labels(method, route_of(scope), str(status)).inc()
            if REFUSED_IN_SCOPE in scope:
                self._metrics.refused(scope[REFUSED_IN_SCOPE])
            if COST_IN_SCOPE in scope:
                self._metrics.cost.observe(scope[COST_IN_SCOPE])
            self._metrics.seconds.labels(method, route_of(scope)).observe(time.perf_counter() - began_at)


_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
