"""Pages of consoles: the books of the runs that were read last are kept, and brought up to date by what is new."""

from __future__ import annotations

import threading

from runlake.listing_model import ConsolePage
from runlake.lru import LruCache
from runlake.model import TIMESTAMP, RunPath, TailCursor
from runlake.query.rows import scan
from runlake.query.rows.console_book import ConsoleBook, check_page
from runlake.query.rows.tail import TailReader
from runlake.store.store import Store

MAX_KEPT_BYTES = 128 * 2**20
_LOCK_COUNT = 16
_KEYS = ("source", "line", "level", "text", TIMESTAMP)

_Kept = tuple[ConsoleBook, TailCursor]


class ConsolePages:
    """The consoles of a store. Threads may share it."""

    def __init__(self, store: Store, tails: TailReader, *, max_kept_bytes: int = MAX_KEPT_BYTES) -> None:
        self._store, self._tails = store, tails
        self._kept: LruCache[RunPath, _Kept] = LruCache(max_kept_bytes, size_of=lambda _, kept: kept[0].size_bytes)
        self._locks = [threading.Lock() for _ in range(_LOCK_COUNT)]

    def read(
        self, path: RunPath, *, offset: int, limit: int, search: str | None, generation: str | None
    ) -> ConsolePage:
        """A page of the newest generation, or of one by its name, which is read for it alone."""
        check_page(offset, limit)
        if generation is not None:
            book = ConsoleBook()
            book.add(scan.read_history(self._store, path, stream="console", keys=_KEYS, generation=generation))
            return book.page(offset, limit, search)
        # Of two who ask for one console at once, one reads it and the other turns its pages.
        with self._locks[hash(path) % _LOCK_COUNT]:
            book, cursor = self._kept.take(path) or (ConsoleBook(), None)
            tail = self._tails.read(path, cursor, stream="console", keys=_KEYS, limit=None, last=None)
            if tail.is_restarted:
                book = ConsoleBook()
            book.add(tail.history)
            page = book.page(offset, limit, search)
            self._kept.put(path, (book, tail.cursor))
            return page
