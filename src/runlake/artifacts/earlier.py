"""The files of the version before, in whose place the same need not be copied again."""

from __future__ import annotations

from runlake.artifacts.entry import Entry
from runlake.artifacts.kept import KeptVersion


class EarlierFiles:
    """Those of one version, by their names."""

    def __init__(self, kept: KeptVersion) -> None:
        self._kept = kept
        self._files = {entry.path: entry for entry in kept.service.read_manifest(kept.path) if entry.ref is None}

    def entry(self, path: str, size_bytes: int) -> Entry | None:
        """The file of this name, if it has this size."""
        found = self._files.get(path)
        return None if found is None or found.size_bytes != size_bytes else Entry.of_manifest(found, self._kept)
