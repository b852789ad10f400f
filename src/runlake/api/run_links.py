"""What leads from a run to the rest of its store: given by who opened it, so that a run need not know all that."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from runlake.model import RunPath

if TYPE_CHECKING:
    from runlake.sweep_model import SweepPath


class RunLinks(Struct, frozen=True):
    """What a run that was read asks of who opened it."""

    read_sweep: Callable[[SweepPath], Any]
    """A sweep as a reader sees it. NotFoundError where there is none."""

    read_run: Callable[[RunPath], Any]
    """A run as a reader sees it, read anew. NotFoundError where there is none."""

    on_delete: Callable[[RunPath], None]
    """Is told of a run that was deleted."""
