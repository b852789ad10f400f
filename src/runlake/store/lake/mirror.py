"""One round of mirroring after the other: which runs moved, what files they have, and then one transaction."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from runlake.errors import ConflictError, CorruptError, NewerFormatError
from runlake.store.cluster.moves import Moment
from runlake.store.cluster.store import ClusterStore
from runlake.store.compact.packed_file import PackLists
from runlake.store.lake.catalog import LakeCatalog, LookedRun, Round
from runlake.store.lake.files import FileFacts, FileUse, PlacedFile, RunFiles, facts_of, look_at_run
from runlake.store.lake.moved import MovedRun, find_moved, now
from runlake.store.run.snapshot import reading

logger = logging.getLogger(__name__)

AT_ONCE = 2000
"""So many runs in a round: what more moved is the next one's."""

_READERS = 4
_ROUNDS_BETWEEN_FULL_LOOKS = 120


class LakeMirror:
    """What one process mirrors. Not for several threads at once; that several processes do it costs time alone."""

    def __init__(self, store: ClusterStore, catalog: LakeCatalog) -> None:
        self._store, self.catalog, self._lists = store, catalog, PackLists()
        self._since: Moment | None = None
        self._last_round_no: int | None = None
        self._round_count = 0

    def round(self, *, at_once: int = AT_ONCE) -> Round | None:
        """Mirror what moved since the last round, at most `at_once` runs; None where nothing did.

        ConflictError, and nothing is written, when another process wrote meanwhile.
        """
        round_no = self._begin()
        moment = now(self._store.database)
        moved = find_moved(self._store.database, self.catalog.lake, self._since, limit=at_once)
        looks, facts = self._look(moved)
        if len(looks) == len(moved) < at_once:
            self._since = moment
        if not looks:
            return None
        done = self.catalog.write(round_no, looks, facts)
        if done is None:
            self._since = None
            raise ConflictError(f"another process wrote to the mirror in {self.catalog.schema} as well")
        self._last_round_no = done.round_no
        return done

    def _begin(self) -> int:
        """The number of the last round of anybody."""
        if (round_no := self.catalog.round_no()) is None:
            self.catalog.create()
            round_no = self.catalog.round_no() or 0
        self._round_count += 1
        if round_no != self._last_round_no or self._round_count % _ROUNDS_BETWEEN_FULL_LOOKS == 0:
            self._since = None
        self._last_round_no = round_no
        return round_no

    def _look(self, moved: Sequence[MovedRun]) -> tuple[list[LookedRun], list[FileFacts]]:
        """What each of the runs has, but for those that cannot be read at this moment, and all files that are new."""
        if not moved:
            return [], []
        with ThreadPoolExecutor(_READERS, thread_name_prefix="runlake-mirror") as pool:
            looks = [LookedRun(*each) for each in zip(moved, pool.map(self._look_at, moved), strict=True)]
            found = [look.found for look in looks if look.found is not None]
            files = {use.url: (use, each.files[use.url]) for each in found for use in each.uses}
            unknown = sorted(self.catalog.unknown_files([*files]))
            facts = [*pool.map(lambda url: self._facts_of(*files[url]), unknown)]
        lost = {url for url, fact in zip(unknown, facts, strict=True) if fact is None}
        broken = {url for url, fact in zip(unknown, facts, strict=True) if isinstance(fact, CorruptError)}
        there = [
            look if look.found is None or broken.isdisjoint(look.found.files) else look._replace(found=None)
            for look in looks
            if look.found is None or lost.isdisjoint(look.found.files)
        ]
        return there, [fact for fact in facts if isinstance(fact, FileFacts)]

    def _look_at(self, moved: MovedRun) -> RunFiles | None:
        try:
            return None if moved.path is None else look_at_run(self._store, moved.path)
        except (CorruptError, NewerFormatError) as error:
            logger.warning("run %s is not in the mirror: %s", moved.path, error)
            return None

    def _facts_of(self, use: FileUse, placed: PlacedFile) -> FileFacts | CorruptError | None:
        """None for a file that was replaced since: the next look finds by what."""
        try:
            with reading(use.url):
                return facts_of(use, placed, self._lists)
        except FileNotFoundError:
            return None
        except CorruptError as error:
            logger.warning("the runs of %s are not in the mirror: %s", use.url, error)
            return error
