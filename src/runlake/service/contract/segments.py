"""The verb of engines: where sealed values lie."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from runlake.model import Stream

if TYPE_CHECKING:
    from runlake.listing_model import SegmentList


class SegmentVerbs(Protocol):
    """For DuckDB, Polars, Spark and others that read Parquet by themselves."""

    def list_segments(
        self, entity: str, project: str, *, stream: Stream = "history", signed_for_s: float | None = None
    ) -> SegmentList:
        """The Parquet files that make the sealed rows of a project, as they are at this moment.

        Files that others replace are not among them, so that nothing is there twice; they stay readable for a while.
        With `signed_for_s` the addresses let anybody read them for so long, where the store can make such.
        NotSupportedError for a server whose store is a folder: its files are read there.
        """
        ...
