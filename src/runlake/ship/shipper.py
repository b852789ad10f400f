"""Ships a run to a server: a reader of the journal that sends what stands in it, and remembers how far it came.

The training process takes no part in it. What is sent are the bytes of the parts, as they are; what arrived twice, or
whose answer was lost, changes nothing there. So the only state that matters is on the server, which says what it
expects next.
"""

from __future__ import annotations

import functools
import secrets
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from runlake.errors import ConflictError, GapError, NotFoundError
from runlake.model import FileInfo, OpenRequest, RunInfo, RunPath
from runlake.ship.artifacts import ArtifactSender, Beside
from runlake.store.files import Files
from runlake.store.folder_files import FolderFiles
from runlake.store.folder_store import FolderStore
from runlake.store.journal import record
from runlake.store.journal.first_frame import part_header
from runlake.store.journal.folder import journal_of
from runlake.store.journal.journal import PartName
from runlake.store.journal.liveness import is_alive
from runlake.store.journal.shipped import Shipped, read_shipped, write_shipped
from runlake.store.opening.writers import open_editor

if TYPE_CHECKING:
    from runlake.service.contract import Service

PIECE_BYTES = 4 * 2**20
HEARTBEAT_S = 45.0
"""A server takes a process for gone that it has not heard of for five minutes."""

FILES_EVERY_S = 30.0
"""While a run goes on, a file that changes is sent this often at most."""

_ATTEMPTS = 5

Report = Callable[[int, int], None]
"""Told how many bytes have been sent, and of how many."""


@dataclass(frozen=True, slots=True)
class Sent:
    """What one round did: `left_bytes` of the journal are still to be sent, `is_over` when nothing will follow."""

    sent_bytes: int
    left_bytes: int
    is_over: bool


class Shipper:
    """Ships one run. One process at a time: see `store.journal.shipped.only_shipper`.

    With `sends_beside` the artifacts of a run that goes on are sent by a thread, and its rows do not wait for them.
    """

    def __init__(
        self,
        service: Service,
        layout: FolderStore,
        path: RunPath,
        *,
        clock: Callable[[], float] = time.monotonic,
        report: Report | None = None,
        sends_beside: bool = False,
    ) -> None:
        self._service, self._layout, self._path, self._clock = service, layout, path, clock
        self._report = report or (lambda sent, whole: None)
        self._run_dir = layout.run_dir(path)
        self._journal = journal_of(layout, path)
        self._has_sent_sealed = self._has_left_stop = False
        shipped = read_shipped(self._run_dir)
        if shipped is None:
            raise NotFoundError(f"run {path} in {layout.root} is not meant for a server")
        self.shipped: Shipped = shipped
        self._files: Files = FolderFiles(layout)
        self._heard_at = dict.fromkeys(shipped.reached, clock())
        self._file_sent_at: dict[str, float] = {}
        self._sent_bytes = 0
        self._artifacts = ArtifactSender(service, layout, path, report=self._tell_report, clock=clock)
        self._beside = Beside() if sends_beside else None

    @property
    def artifact_count(self) -> int:
        """How many artifacts were sent."""
        return self._artifacts.sent_count

    def send(self) -> Sent:
        """One round: what has come to the journal and to the files since the last.

        Raises what the server says; what was sent until then is remembered. NotFoundError when the run was deleted
        there, or the folder is gone here.
        """
        alive = {writer for writer in self._writers() if is_alive(self._journal, writer)}
        before = self._sent_bytes + self._artifacts.sent_bytes
        if not self._has_sent_sealed:
            self._send_sealed()
            self._has_sent_sealed = True
        self._tell_report()
        for writer in self._writers():
            self._send_writer(writer)
        is_over = self._is_over(alive)
        if self.shipped.path is not None:
            self._send_files(at_once=is_over)
            for writer in alive - set(self.shipped.ended):
                self._give_sign(writer)
            self._send_artifacts(is_over=is_over)
        if is_over and not self.shipped.is_complete:
            self.shipped.is_complete = True
            self.shipped.problem = None
            self._save()
        return Sent(self._sent_bytes + self._artifacts.sent_bytes - before, self._left_bytes(), is_over)

    def tell(self, problem: str | None) -> None:
        """Leave a word for whoever waits."""
        if self.shipped.problem != problem:
            self.shipped.problem = problem
            self._save()

    def _send_sealed(self) -> None:
        """What was sealed before anybody said that it is to be sent: as the journal that it was."""
        if not self._layout.segments(self._path).list_names():
            return
        from runlake.store.ingest.rejournal import sealed_writers, write_journal

        shipped = self.shipped
        known = {*shipped.ended, *shipped.skipped, *(set(shipped.reached) - set(shipped.remade))}
        writers = sealed_writers(self._layout, self._path) - known
        if not writers:
            return
        shipped.remade = sorted({*shipped.remade, *writers})
        self._save()
        with tempfile.TemporaryDirectory(prefix="runlake-ship-") as folder:
            made = write_journal(self._layout, self._path, Path(folder), writers)
            here, self._journal = self._journal, made
            try:
                for writer in self._writers():
                    self._send_writer(writer)
            finally:
                self._journal = here
        # Of what is left of them in the journal everything has been sent.
        shipped.skipped.extend(sorted(writers - set(shipped.ended)))
        self._save()

    # The journal

    def _writers(self) -> list[str]:
        """Those whose parts are here, in the order in which they began."""
        names = dict.fromkeys(name.writer for name, _ in self._journal.list_parts())
        return [writer for writer in names if writer not in self.shipped.skipped]

    def _parts(self, writer: str) -> dict[int, int]:
        return {name.number: size for name, size in self._journal.list_parts() if name.writer == writer}

    def _send_writer(self, writer: str) -> None:
        if writer in self.shipped.ended or (writer not in self.shipped.reached and not self._announce(writer)):
            return
        failures = 0
        while True:
            number, offset = self.shipped.reached[writer]
            sizes = self._parts(writer)
            if number not in sizes:
                return
            data = self._journal.read(PartName(writer, number), offset)
            piece, has_end = cut_piece(data, offset)
            if not piece:
                if number + 1 not in sizes:
                    return
                self._reach(writer, number + 1, 0)
                continue
            try:
                offset = self._append(writer, number, offset, piece)
            except GapError as gap:
                failures = self._count(failures, gap)
                self._reach(writer, number, gap.expected)
            except ConflictError as conflict:
                failures = self._count(failures, conflict)
                self._announce(writer)
            else:
                if has_end and offset >= sizes[number]:
                    self.shipped.ended.append(writer)
                self._reach(writer, number, offset)

    def _append(self, writer: str, number: int, offset: int, piece: bytes) -> int:
        assert self.shipped.path is not None
        answer = self._service.append_frames(self.shipped.path, writer, number, offset, piece)
        self._heard_at[writer] = self._clock()
        self._sent_bytes += len(piece)
        self._tell_report()
        if answer.is_stop_requested:
            self._leave_stop()
        return answer.next_offset

    def _count(self, failures: int, error: Exception) -> int:
        if failures + 1 >= _ATTEMPTS:
            raise error
        return failures + 1

    def _announce(self, writer: str) -> bool:
        """Let the server know of a writer that it has not begun itself, and be told how much of it is there."""
        parts = self._parts(writer)
        if not parts:
            return False
        first = PartName(writer, min(parts))
        header = part_header(self._journal.read(first), str(first))
        if header is None:
            return False  # its first bytes are on their way
        said = dict(header.of_all_parts().body)
        shipped = self.shipped
        if shipped.path is None:
            entity = shipped.entity or self._service.default_entity
            path = RunPath(entity, shipped.project, shipped.run_id)
        else:
            path = shipped.path
        grant = self._service.open_writer(path, OpenRequest(token=secrets.token_hex(16), header=said))
        if grant.number < first.number:
            raise ConflictError(
                f"the server expects part {grant.number} of writer {writer}, and here only those from {first.number} "
                "on are left; bring the store of the server back as it was, or merge the folders: runlake merge"
            )
        shipped.path = grant.path
        self._reach(writer, grant.number, grant.offset)
        return True

    def _reach(self, writer: str, number: int, offset: int) -> None:
        self.shipped.reached[writer] = (number, offset)
        self.shipped.is_complete = False
        self._save()

    def _save(self) -> None:
        write_shipped(self._run_dir, self.shipped)

    def _left_bytes(self) -> int:
        left = 0
        for name, size in self._journal.list_parts():
            if name.writer not in self.shipped.skipped:
                number, offset = self.shipped.reached.get(name.writer, (0, 0))
                left += max(0, size - (offset if name.number == number else 0)) if name.number >= number else 0
        return left

    def _is_over(self, alive: set[str]) -> bool:
        """Whether every writer has ended, or its process was gone before all that it left was sent."""
        for writer in self._writers():
            if writer in self.shipped.ended:
                continue
            number, offset = self.shipped.reached.get(writer, (0, 0))
            sizes = self._parts(writer)
            rest = self._journal.read(PartName(writer, number), offset) if number in sizes else b""
            if writer in alive or max(sizes, default=0) > number or cut_piece(rest, offset)[0]:
                return False
        return True

    def _tell_report(self) -> None:
        sent_bytes = self._sent_bytes + self._artifacts.sent_bytes
        self._report(sent_bytes, sent_bytes + self._left_bytes())

    def _give_sign(self, writer: str) -> None:
        """A process that has nothing to say lives all the same."""
        if self._clock() - self._heard_at.get(writer, 0.0) > HEARTBEAT_S and writer in self.shipped.reached:
            number, offset = self.shipped.reached[writer]
            self._append(writer, number, offset, b"")

    def _leave_stop(self) -> None:
        """Somebody asked the run to stop: the training process sees it in the folder, as it sees what is asked here."""
        if self._has_left_stop:
            return
        newest = self._journal.list_parts()[-1][0]
        header = part_header(self._journal.read(newest), str(newest))
        if header is None:
            return  # its first bytes are on their way, and the request comes with each answer
        self._has_left_stop = True
        info = RunInfo(
            **self._path._asdict(),
            incarnation=header.incarnation,
            generation=header.generation,
            name=self._path.run_id,
            state="running",
        )
        editor = open_editor(self._layout, self._path, info, 0, journal=self._journal).writer
        self.shipped.skipped.append(editor.writer)
        self._save()
        editor.record(record.STATE, {"stop": True})
        editor.end({})

    # Files and artifacts

    def _send_files(self, *, at_once: bool) -> None:
        assert self.shipped.path is not None
        for info in self._changed_files(at_once=at_once):
            with self._files.open_file(self._path, info.name) as content:
                stored = self._service.put_file(self.shipped.path, info.name, content)
            self._file_sent_at[info.name] = self._clock()
            self.shipped.files[info.name] = stored.md5
            self._save()

    def _send_artifacts(self, *, is_over: bool) -> None:
        """Send them, or see that a thread does; when nothing else is left, all of them are there in the end."""
        if self._beside is not None:
            if not is_over and self._beside.is_busy:
                return
            self._beside.wait()
        if self._artifacts.has_work(at_once=is_over):
            work = functools.partial(self._artifacts.send, self.shipped)
            if self._beside is None or is_over:
                work()
            else:
                self._beside.begin(work)

    def _changed_files(self, *, at_once: bool) -> Iterator[FileInfo]:
        now = self._clock()
        for info in self._files.list_files(self._path):
            is_due = at_once or now - self._file_sent_at.get(info.name, -FILES_EVERY_S) >= FILES_EVERY_S
            if is_due and self.shipped.files.get(info.name) != info.md5:
                yield info


def cut_piece(data: bytes, offset: int, *, limit_bytes: int = PIECE_BYTES) -> tuple[bytes, bool]:
    """The whole frames that `data` begins with, about `limit_bytes` of them; and whether they end the writer.

    `offset` is where `data` stands in its part. The last word of a part and the block that proves it stay together.
    """
    position = len(record.MAGIC) if offset == 0 else 0
    end, last_word = 0, 0
    while position + record.HEAD.size <= len(data) and (end < limit_bytes or last_word):
        head = record.HEAD.unpack_from(data, position)
        following = position + record.HEAD.size + head[0]
        if not record.is_head(head) or following > len(data):
            break
        position = following
        if head[1] in (record.END, record.CLOSE):
            last_word = head[1]
        elif not last_word or head[1] == record.BLOCK:
            end = following
            if last_word:
                break
    return data[:end], last_word == record.END and end == position
