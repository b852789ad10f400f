"""The changes of a project in memory: the other side of the seam, for tests and for what has no folder."""

from __future__ import annotations

import threading

from runlake.store.changes import Change, ChangeScan, SeenChanges, deaths_among, last_death, parse_name
from runlake.store.layout import encode_name


class MemoryChanges:
    """The changes of one project, as long as the object lives. Threads may share it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._loose: set[str] = set()
        self._packs: dict[str, frozenset[str]] = {}

    def append(self, name: str) -> None:
        with self._lock:
            self._loose.add(name)

    def read_since(self, seen: SeenChanges) -> ChangeScan:
        with self._lock:
            names = {name for pack in self._packs.keys() - seen.packs for name in self._packs[pack]} | self._loose
            now = SeenChanges(frozenset(self._packs), frozenset(self._loose))
        return ChangeScan([change for name in sorted(names - seen.loose) if (change := parse_name(name))], now)

    def pack(self) -> int:
        with self._lock:
            names = frozenset(name for name in self._loose if parse_name(name))
            if names:
                self._packs[str(len(self._packs))] = names
                self._loose -= names
            return len(names)

    def latest_death(self, incarnation: str) -> Change | None:
        text = f"#{encode_name(incarnation)}#"
        return last_death(name for name in self._all_names() if text in name)

    def latest_deaths(self) -> dict[str, tuple[Change, str]]:
        return deaths_among(self._all_names())

    def _all_names(self) -> set[str]:
        with self._lock:
            return self._loose.union(*self._packs.values())
