"""What a run asks of the reading side: it stands beside the SDK, is found by its name, and is loaded by who asks."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from runlake.model import RunPath

if TYPE_CHECKING:
    from runlake.service.contract import Service


def restore(*given: Any, **options: Any) -> Any:
    """See `runlake.restore`."""
    return import_module("runlake").restore(*given, **options)


def find_run(service: Service, path: RunPath) -> Any:
    """A run as readers have runs; `NotFoundError` where there is none."""
    return import_module("runlake").Api(service=service).run(path)
