"""Is it alive, is it ready, and its numbers: ``/healthz``, ``/readyz``, ``/metrics``."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from litestar import MediaType, Request, Response, get
from litestar.handlers import HTTPRouteHandler

from runlake.errors import AuthenticationError, ForbiddenError, RunlakeError
from runlake.server.http.metrics import CONTENT_TYPE, Metrics
from runlake.server.http.store_metrics import StoreMetrics
from runlake.server.people.directory import Person
from runlake.server.people.people import People


def folder_checks(root: Path) -> dict[str, Callable[[], bool]]:
    """What can be looked at of a store in a folder."""
    return {
        "store": lambda: root.is_dir() and os.access(root, os.R_OK | os.X_OK),
        "writable": lambda: os.access(root, os.W_OK),
    }


def answers(ask: Callable[[], object]) -> bool:
    """Whether something can be asked without an error of ours."""
    try:
        ask()
    except RunlakeError:
        return False  # what it is stands in the log of the first request that needs it
    return True


def health_routes(
    *,
    checks: Mapping[str, Callable[[], bool]],
    people: People,
    metrics: Metrics,
    draining: threading.Event,
    store_metrics: StoreMetrics | None = None,
) -> list[HTTPRouteHandler]:
    """The handlers. Anybody may ask for health and readiness, which say nothing of what is stored; the numbers are
    for admins of the server. `checks` are of the store, of which "store" must hold for a worker to be ready;
    `draining` is set when the worker is about to end.
    """

    @get("/healthz", sync_to_thread=False, include_in_schema=False)
    def read_health() -> dict[str, str]:
        """This worker answers."""
        return {"status": "ok"}

    @get("/readyz", sync_to_thread=True, include_in_schema=False)
    def read_readiness() -> Response[dict[str, Any]]:
        """Whether requests can be served; of a full or read-only disk reading still works, so it says so only."""
        found = {
            "draining": draining.is_set(),
            "people": answers(people.directory),
            **{name: check() for name, check in checks.items()},
        }
        is_ready = found["people"] and found["store"] and not found["draining"]
        body = {"status": "ready" if is_ready else "not ready", **found}
        return Response(body, status_code=200 if is_ready else 503, headers={} if is_ready else {"Retry-After": "5"})

    @get("/metrics", sync_to_thread=True, include_in_schema=False)
    def read_metrics(request: Request[Any, Any, Any]) -> Response[bytes]:
        """The numbers, for Prometheus."""
        person = request.scope.get("user")
        if not isinstance(person, Person):
            raise AuthenticationError("the numbers of the server are for its admins; send an admin's API key")
        if not person.is_admin:
            raise ForbiddenError("the numbers of the server are for its admins")
        if store_metrics is None:
            text = metrics.render()
        else:
            store_metrics.copy()
            text = metrics.render() + store_metrics.render_store()
        return Response(text, headers={"Content-Type": CONTENT_TYPE}, media_type=MediaType.TEXT)

    return [read_health, read_readiness, read_metrics]
