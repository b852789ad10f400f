"""How long an artifact is kept, as people say it."""

from __future__ import annotations

import datetime
from enum import Enum
from typing import Any

from runlake.errors import BadValueError


class ArtifactTTL(Enum):
    """INHERIT: as long as its collection says, and no collection says anything here, so for ever."""

    INHERIT = 0


def ttl_seconds(ttl: Any) -> float | None:
    """The seconds of a `timedelta`; None for an artifact that is kept for ever. `BadValueError` for anything else."""
    if ttl is None or ttl is ArtifactTTL.INHERIT:
        return None
    if isinstance(ttl, datetime.timedelta) and ttl > datetime.timedelta():
        return ttl.total_seconds()
    raise BadValueError(f"the ttl of an artifact is a datetime.timedelta beyond 0, or None for ever, and not {ttl!r}")


def ttl_of(ttl_s: float | None) -> datetime.timedelta | None:
    """The inverse of `ttl_seconds`."""
    return None if ttl_s is None else datetime.timedelta(seconds=ttl_s)
