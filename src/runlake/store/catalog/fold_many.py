"""Reading many runs at once, by one process for each core.

As a command, ``python -m runlake.store.catalog.fold_many``: run folders on standard input, one a line. For each so
many of them, the columns of those that have ended come on standard output, then the names of the folders that are left
to the caller: of runs that still move, and of those that cannot be read. Either comes behind its length, 8 bytes.
"""

from __future__ import annotations

import os
import queue
import subprocess
import sys
import threading
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import IO, BinaryIO

from runlake.errors import RunlakeError
from runlake.model import ENDED_STATES
from runlake.store import side_process
from runlake.store.catalog.columns_file import DamagedFileError, columns_from_bytes, columns_to_bytes
from runlake.store.catalog.run_columns import MarkedRun, RunColumns
from runlake.store.folder_store import FolderStore
from runlake.store.run.state import read_run

_BATCH = 250
_LENGTH_BYTES = 8

Folded = tuple[RunColumns | None, list[str]]
"""The columns of some runs that have ended, and the folders of others, which the caller must read."""


def fold_many(
    layout: FolderStore, entity: str, project: str, folders: list[str], process_count: int | None = None
) -> Iterator[Folded]:
    """All the given run folders of a project, in another order, each in one answer."""
    count = process_count or _core_count()
    answers: queue.Queue[Folded | None] = queue.Queue()
    runs_dir = layout.runs_dir(entity, project)
    shares = [folders[number::count] for number in range(count)]
    readers = [_Reader(runs_dir, share, answers) for share in shares if share]
    try:
        open_count = len(readers)
        while open_count:
            answer = answers.get()
            if answer is None:
                open_count -= 1
            else:
                yield answer
    finally:
        for reader in readers:
            reader.close()


def _core_count() -> int:
    """The cores that this process may use: in a container or a batch job not all that there are."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class _Reader:
    """One process, and two threads that feed it and hear it. Puts its answers, then None, into a queue."""

    def __init__(self, runs_dir: Path, folders: list[str], answers: queue.Queue[Folded | None]) -> None:
        self._folders, self._answers = folders, answers
        self._lines = [os.fsencode(runs_dir / folder) + b"\n" for folder in folders]
        self._process: subprocess.Popen[bytes] | None = None
        self._threads: list[threading.Thread] = []
        try:
            self._process = subprocess.Popen(
                side_process.command("runlake.store.catalog.fold_many"),
                env=side_process.environment(),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
            )
        except OSError:  # no more processes here
            self._answers.put((None, folders))
            self._answers.put(None)
            return
        for work in (self._feed, self._hear):
            self._threads.append(threading.Thread(target=work, args=(self._process,), daemon=True))
            self._threads[-1].start()

    def _feed(self, process: subprocess.Popen[bytes]) -> None:
        assert process.stdin is not None
        try:
            with process.stdin as stream:
                stream.writelines(self._lines)
        except OSError:
            pass  # the process is gone: the end of its answers says so

    def _hear(self, process: subprocess.Popen[bytes]) -> None:
        assert process.stdout is not None
        answered = 0
        try:
            while answered < len(self._folders):
                columns, left = columns_from_bytes(_receive(process.stdout)), _receive(process.stdout)
                self._answers.put((columns if columns.size else None, left.decode().splitlines()))
                answered += _BATCH
        except (EOFError, DamagedFileError):
            self._answers.put((None, self._folders[answered:]))
        finally:
            self._answers.put(None)

    def close(self) -> None:
        """End the process, whatever it is at."""
        if self._process is not None:
            self._process.kill()
            for thread in self._threads:
                thread.join()
            self._process.wait()
            if self._process.stdout is not None:
                self._process.stdout.close()


def _send(stream: BinaryIO, content: bytes) -> None:
    stream.write(len(content).to_bytes(_LENGTH_BYTES, "little") + content)


def _receive(stream: IO[bytes]) -> bytes:
    head = stream.read(_LENGTH_BYTES)
    size = int.from_bytes(head, "little")
    content = stream.read(size) if len(head) == _LENGTH_BYTES else b""
    if not head or len(content) != size:
        raise EOFError
    return content


def main(source: BinaryIO, target: BinaryIO) -> int:
    """Answer for the folders of `source` until it ends."""
    while batch := [Path(os.fsdecode(line[:-1])) for line in islice(source, _BATCH)]:
        layout = FolderStore.around(batch[0])
        ended, left = [], []
        for folder in batch:
            try:
                info = read_run(layout, layout.run_path_of(folder))
            except (RunlakeError, OSError):
                left.append(folder.name)  # the caller reads it again and says why
                continue
            if info.state in ENDED_STATES:
                ended.append(MarkedRun(folder.name, info, 0, False))
            else:
                left.append(folder.name)
        entity, project = (ended[0].info.entity, ended[0].info.project) if ended else ("", "")
        _send(target, columns_to_bytes(RunColumns.of(entity, project, ended)))
        _send(target, "\n".join(left).encode())
        target.flush()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.stdin.buffer, sys.stdout.buffer))
