"""Whole documents as they were handed out, so that an edit changes only what its author changed.

W&B's client reads a config or summary, changes a key, and sends all of it back. Taken as it is, that would undo what
others changed in between. What was sent was made from a document that this server had handed out: from the one that
differs least from it.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Mapping
from typing import Any, Literal

from runlake.differences import flat_differences
from runlake.lru import LruCache
from runlake.model import RunPath
from runlake.server.wandb.wire import NOT_OF_THE_USER
from runlake.values import canonical, flatten

Kind = Literal["config", "summary"]
Key = tuple[str, RunPath, Kind]
Documents = tuple[tuple[int, Mapping[str, Any]], ...]
"""Of one run, each with its size as text."""

MAX_KEPT = 2_000
"""Of so many (person, run) pairs at most documents are kept; those that were not used longest go first."""

MAX_KEPT_CHARACTERS = 50_000_000
"""So much text of documents is kept in all, where the texts of a pair count as an even share of it at least."""

MAX_OF_ONE = 4
"""So many documents of one run are kept for one person, whose scripts may run side by side."""


class HandedOut:
    """What each person was told last of each run, in this process. Threads may share it.

    Nothing depends on it being there: of a document that is not known, every difference from what is stored counts.
    """

    def __init__(self) -> None:
        self._kept: LruCache[Key, Documents] = LruCache(MAX_KEPT_CHARACTERS, size_of=_size_of)
        self._lock = threading.Lock()

    def remember(self, who: str, path: RunPath, kind: Kind, document: Mapping[str, Any], *, size: int = 0) -> None:
        """Keep a document that is handed out, `size` characters as text. It must not be changed any more."""
        with self._lock:
            kept = self._kept.get((who, path, kind)) or ()
            if not any(known is document or known == document for _, known in kept):
                self._kept.put((who, path, kind), (*kept, (size, document))[-MAX_OF_ONE:])

    def edit_of(
        self, who: str, path: RunPath, kind: Kind, sent: Mapping[str, Any], stored: Mapping[str, Any]
    ) -> tuple[dict[str, Any], tuple[str, ...]]:
        """(paths to set, paths to unset) that whoever sent a document means; `stored` is what there is now."""
        bases = [document for _, document in self._kept.get((who, path, kind)) or ()]
        new = _flat(sent)
        edits = [_difference(_flat(base), new) for base in (*reversed(bases), stored)]
        return min(edits, key=lambda edit: len(edit[0]) + len(edit[1]))


def _size_of(_: Key, kept: Documents) -> int:
    return max(MAX_KEPT_CHARACTERS // MAX_KEPT, sum(size for size, _ in kept))


def _flat(document: Mapping[str, Any]) -> dict[str, Any]:
    return flatten({key: value for key, value in document.items() if key not in NOT_OF_THE_USER}, stringify_keys=True)


def _difference(old: Mapping[str, Any], new: Mapping[str, Any]) -> tuple[dict[str, Any], tuple[str, ...]]:
    to_set, to_unset = flat_differences(old, new, is_same)
    return to_set, tuple(to_unset)


def is_same(handed_out: Any, sent: Any) -> bool:
    """Whether a value came back as it was: through the client whole floats are ints, and what is not finite is text."""
    if isinstance(handed_out, float) and not math.isfinite(handed_out):
        return sent in (None, "NaN", "Infinity", "-Infinity") or repr(sent) == repr(handed_out)
    return bool(canonical(handed_out) == canonical(sent))
