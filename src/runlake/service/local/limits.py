"""How much a service over a folder keeps and reads, and how patient it is."""

from __future__ import annotations

from dataclasses import dataclass, field

from runlake.scheduler.limits import SweepLimits
from runlake.store.catalog.catalog import ABSORB_AT


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalLimits:
    """The limits of one service."""

    kept_versions: int = 256
    """States of projects that pages can still be cut from; most of each is shared with its neighbours."""

    advice_read_count: int = 2000
    """A project of more runs that no catalog knows is not read only to say which of them has a name."""

    absorb_at: int = ABSORB_AT
    """As many runs that moved are kept as objects beside the columns of a project."""

    sweeps: SweepLimits = field(default_factory=SweepLimits)
