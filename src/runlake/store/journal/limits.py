"""How large the parts, blocks and frames of one writer become."""

from __future__ import annotations

import msgspec

from runlake.store.journal.record import MAX_BODY_BYTES


class WriterLimits(msgspec.Struct, frozen=True, kw_only=True):
    """When a writer begins another part or block, how many shapes it declares, and what it refuses."""

    rows_per_part: int = 65_536
    bytes_per_part: int = 32 * 2**20
    frames_per_block: int = 1024

    max_shapes: int = 4096
    """Random key sets would make a shape for each row; beyond this many, rows are written as msgpack maps."""

    max_body_bytes: int = MAX_BODY_BYTES
    """A larger frame is refused; readers take none that is larger than the default."""
