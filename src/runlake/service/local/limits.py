"""How much a service over a folder keeps and reads, and how patient it is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from runlake.scheduler.limits import SweepLimits
    from runlake.service.local.run_lines import TileLimits
    from runlake.store.catalog.limits import CatalogLimits
    from runlake.store.journal.limits import WriterLimits


class LocalLimits(msgspec.Struct, frozen=True, kw_only=True):
    """The limits of one service; None for those that catalogs, sweeps, writers and lines have by themselves."""

    kept_versions: int = 256
    """States of projects that pages can still be cut from; most of each is shared with its neighbours."""

    advice_read_count: int = 2000
    """A project of more runs that no catalog knows is not read only to say which of them has a name."""

    catalog: CatalogLimits | None = None
    sweeps: SweepLimits | None = None
    writers: WriterLimits | None = None
    tiles: TileLimits | None = None
