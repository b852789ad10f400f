"""What others tell a running process: pure Python, small files, asked every few seconds.

Whoever edits a stored run leaves a journal of its own in the run's folder; a request to stop is a record in one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from runlake.store.journal import record
from runlake.store.journal.bodies import StateChange
from runlake.store.journal.header import PartHeader
from runlake.store.journal.journal import Journal, PartName


class StopRequestWatcher:
    """Looks whether somebody asked this run to stop since the watch was made, or since `since_us` when it is given."""

    def __init__(self, journal: Journal, generation: str, own_writer: str, *, since_us: int | None = None) -> None:
        self._journal, self._generation, self._since_us = journal, generation, since_us or 0
        self._seen = dict(journal.list_parts()) if since_us is None else {}
        self._foreign = {own_writer}
        """Writers that are no editors: their parts grow, and are none of our business."""
        self._is_requested = False

    def is_stop_requested(self, parts: Iterable[tuple[PartName, int]] | None = None) -> bool:
        """True from when a stop record of this generation has come on; OSError when the folder cannot be read.

        `parts` are those of others, for who knows them at this moment.
        """
        self._is_requested = self._is_requested or self._has_come(parts)
        return self._is_requested

    def _has_come(self, parts: Iterable[tuple[PartName, int]] | None) -> bool:
        for name, size_bytes in self._journal.list_parts() if parts is None else parts:
            if name.writer in self._foreign or self._seen.get(name) == size_bytes:
                continue
            try:
                data = self._journal.read(name)
            except FileNotFoundError:
                continue  # sealed meanwhile, which the parts of an editor are only when the run has ended
            self._seen[name] = size_bytes
            found = records(data)
            kind, body = next(found, (0, {}))
            if kind == record.PART and not self._is_of_editor(PartHeader(body)):
                self._foreign.add(name.writer)
            elif any(kind == record.STATE and self._is_stop(body) for kind, body in found):
                return True
        return False

    def _is_of_editor(self, header: PartHeader) -> bool:
        return header.is_editor and header.generation == self._generation

    def _is_stop(self, body: dict[str, Any]) -> bool:
        said = StateChange(body)
        return said.is_stop and int(said.clock) > self._since_us


def records(data: bytes) -> Iterator[tuple[int, dict[str, Any]]]:
    """The records of a part that are no rows, up to its first frame that is not whole."""
    position = len(record.MAGIC)
    while position + record.HEAD.size <= len(data):
        head = record.HEAD.unpack_from(data, position)
        body = position + record.HEAD.size
        if not record.is_head(head) or body + head[0] > len(data):
            return
        if head[1] == record.PART or head[1] >= record.START:
            yield head[1], record.decode_body(data[body : body + head[0]])
        position = body + head[0]
