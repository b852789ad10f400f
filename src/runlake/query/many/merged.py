"""What was learnt of the files that runs share, for who asks again: such a file never changes, and is called by what
went into it.
"""

from __future__ import annotations

from collections.abc import Mapping

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from runlake.lru import LruCache
from runlake.store.arrow import from_texts
from runlake.store.compact.packed_file import PackLists
from runlake.store.segment.read import open_parquet, read_series
from runlake.store.segment.schema import Footer
from runlake.store.segment.segments import SegmentFile

COLUMNS = ("generation", "key", "lane", "position", "first_n", "row_count", "group", "offset", "count")
_BYTES_A_CHUNK = 512
"""About what pyarrow keeps of each column of each row group."""


class MergedFiles:
    """The lists of merged files, and what is where in them: of each kind so many bytes. Threads may share it.

    Of a file with more than `most_series`, those of the keys that are asked for are read each time.
    """

    def __init__(self, most_bytes: int = 32 * 2**20, most_series: int = 100_000) -> None:
        self.lists = PackLists()
        self._most_series = most_series
        self._series = LruCache[tuple[str, Footer | None], pa.Table](
            most_bytes, size_of=lambda _, table: int(table.nbytes)
        )
        self._metadata = LruCache[tuple[str, Footer | None], pq.FileMetaData](
            most_bytes, size_of=lambda _, metadata: _BYTES_A_CHUNK * metadata.num_row_groups * metadata.num_columns
        )

    def series(self, file: SegmentFile, wanted: frozenset[str] | None, footers: Mapping[str, Footer]) -> pa.Table:
        """`COLUMNS` of the series of the `wanted` keys, all where None, as `read_series` has them."""
        identity = file.name, footers.get(file.name)
        table = self._series.get(identity)
        if table is None:
            if open_parquet(file, footers.get(file.name)).metadata.num_rows > self._most_series:
                return read_series(file, wanted, COLUMNS, footers)
            table = read_series(file, None, COLUMNS, footers)
            self._series.put(identity, table)
        return table if wanted is None else table.filter(pc.is_in(table["key"], from_texts(sorted(wanted))))

    def metadata(self, file: SegmentFile, footers: Mapping[str, Footer]) -> pq.FileMetaData:
        """What the footer of a file says."""
        identity = file.name, footers.get(file.name)
        metadata = self._metadata.get(identity)
        if metadata is None:
            metadata = open_parquet(file, footers.get(file.name)).metadata
            self._metadata.put(identity, metadata)
        return metadata
