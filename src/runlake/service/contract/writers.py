"""The verbs of runs whose process is elsewhere."""

from __future__ import annotations

from typing import Protocol

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


class WriterVerbs(Protocol):
    """Writers of runs that send what they have to say."""

    # Runs of processes elsewhere, whose rows a server writes

    def begin_writer(self, path: RunPath, start: WriterStart) -> WriterHandle:
        """Begin, or go on with, a run whose process is elsewhere: it sends what it has to say in batches.

        It counts as alive for five minutes after each sign of it. `UsageError` where `start` asks for what is not
        there, `ReadOnlyError` when the store cannot be written.
        """
        ...

    def find_writer(self, path: RunPath, client: str | None = None) -> WriterHandle | None:
        """The newest writer of a run that sends batches, of those of `client` when it is named."""
        ...

    def write_batch(self, path: RunPath, writer: str, batch: WriterBatch) -> WriterAnswer:
        """Keep all that a batch says, or nothing; on return it is as durable as what `log()` returned from.

        A batch that comes again changes nothing. `GapError` where rows are missing before it, `NotFoundError` when the
        run was deleted. An empty batch is a sign of life.
        """
        ...

    # Runs of processes elsewhere, that write their journals themselves

    def open_writer(self, path: RunPath, opening: OpenRequest) -> WriterGrant:
        """Begin, or go on with, a run whose process is elsewhere: it writes its journal there, and sends it later.

        Or take on a journal that was begun without asking: where the id is that of another run, under another id
        (``<id>-<beginning of its incarnation>``). Asking twice is as asking once. Errors as `begin_writer`;
        `ConflictError` when the run is not of the incarnation that was asked for.
        """
        ...

    def append_frames(self, path: RunPath, writer: str, number: int, offset: int, data: bytes) -> Appended:
        """Keep the bytes of the writer's part `number` from `offset` on: whole frames, as durable as a batch.

        What is here already must be the same, so sending twice changes nothing. `GapError` where bytes are missing
        before, `BadValueError` for what is not whole, not sound or not of this writer, `ConflictError` where other
        bytes stand, `NotFoundError` when the run was deleted. No bytes are a sign of life.
        """
        ...
