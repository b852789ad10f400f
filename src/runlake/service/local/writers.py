"""The verbs of runs whose process is elsewhere, over a folder."""

from __future__ import annotations

from runlake.model import (
    Appended,
    OpenRequest,
    RunPath,
    WriterAnswer,
    WriterBatch,
    WriterGrant,
    WriterHandle,
    WriterStart,
)
from runlake.store.ingest.batches import RemoteRuns
from runlake.store.ingest.replicate import JournalReplicas
from runlake.store.journal.limits import WriterLimits
from runlake.store.layout import check_run_path
from runlake.store.store import Store


class LocalWriters:
    """`contract.writers` over a folder. With `seals`, runs whose journals are sent are sealed when they have ended."""

    def __init__(self, store: Store, *, seals: bool = False, limits: WriterLimits | None = None) -> None:
        self._batches = RemoteRuns(store, limits=limits)
        self._replicas = JournalReplicas(store, seals=seals)

    def begin_writer(self, path: RunPath, start: WriterStart) -> WriterHandle:
        return self._batches.begin(path, start)

    def find_writer(self, path: RunPath, client: str | None = None) -> WriterHandle | None:
        check_run_path(path)
        return self._batches.find_writer(path, client)

    def write_batch(self, path: RunPath, writer: str, batch: WriterBatch) -> WriterAnswer:
        check_run_path(path)
        return self._batches.write(path, writer, batch)

    def open_writer(self, path: RunPath, opening: OpenRequest) -> WriterGrant:
        return self._replicas.open(path, opening)

    def append_frames(self, path: RunPath, writer: str, number: int, offset: int, data: bytes) -> Appended:
        return self._replicas.append(path, writer, number, offset, data)
