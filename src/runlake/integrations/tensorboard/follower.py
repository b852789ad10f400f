"""Follows the event files of a process and makes rows of them, beside the training.

A thread looks every second what has come. It reads without the run's lock, and takes it only to log: `Run.end` holds
that lock while it waits for the rest to be read, so nobody ever waits for the lock with the reading in hand.
"""

from __future__ import annotations

import threading
import time
import warnings
from collections import deque
from pathlib import Path

from runlake.errors import RunlakeError, RunlakeWarning
from runlake.integrations.tensorboard.event_file import EventFile, FileRow
from runlake.integrations.tensorboard.namespaces import Namespaces
from runlake.integrations.tensorboard.writers import Opened
from runlake.sdk.run.run import Run

LOOK_S = 1.0
ROOT_WAIT_S = 10.0
"""How long a single log directory waits for a second one, which would tell the root: as in W&B."""

FLUSH_TIMEOUT_S = 5.0


class Follower:
    """Makes rows of the event files that `follow` is told of, until `close`; with `save` the files are kept too."""

    def __init__(
        self, run: Run, *, root: str = "", save: bool = True, root_wait_s: float = ROOT_WAIT_S, look_s: float = LOOK_S
    ) -> None:
        self.run = run
        self._save = save
        self._namespaces = Namespaces(root)
        self._root_wait_s, self._look_s = root_wait_s, look_s
        self._opened: list[Opened] = []
        self._first_at: float | None = None
        self._files: dict[Path, EventFile] = {}
        self._rows: deque[FileRow] = deque()
        self._reading = threading.Lock()
        self._over = threading.Event()
        self._told: set[str] = set()
        self._thread = threading.Thread(target=self._look_on, name="runlake-tensorboard", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def follow(self, opened: Opened) -> None:
        """Another writer of this process."""
        self._namespaces.add(opened.folder)
        if self._first_at is None:
            self._first_at = time.monotonic()
        self._opened.append(opened)

    def close(self) -> None:
        """Read and log what there is to the last event."""
        self._over.set()
        self._flush_writers()
        self._look(is_last=True)

    def _look_on(self) -> None:
        while not self._over.wait(self._look_s):
            try:
                self._look()
            except (OSError, RunlakeError) as error:
                self._tell(f"looking for new events failed once: {error}")

    def _look(self, *, is_last: bool = False) -> None:
        with self._reading:
            if not self._is_root_known(is_last):
                return
            self._find_files()
            found = [row for file in self._files.values() for row in (file.close() if is_last else file.read())]
            self._rows.extend(sorted(found, key=lambda row: row.wall_time))
        self._log()

    def _is_root_known(self, is_last: bool) -> bool:
        waited = self._first_at is not None and time.monotonic() - self._first_at >= self._root_wait_s
        if is_last or waited:
            self._namespaces.settle()
        return self._namespaces.is_settled

    def _find_files(self) -> None:
        for opened in list(self._opened):
            for path in opened.files():
                if path not in self._files:
                    self._files[path] = EventFile(path, self._namespaces.prefix_of(opened.folder), self._tell)
                    self._keep(path, opened.folder)

    def _keep(self, path: Path, folder: Path) -> None:
        if not self._save:
            return
        try:
            self.run.save(path, base_path=self._namespaces.base_of(folder), policy="live")
        except (OSError, RunlakeError) as error:
            self._tell(f"{path} could not be kept with run {self.run.path}: {error}")

    def _log(self) -> None:
        """Whoever comes first takes each row, with the run's lock: so they stay in order."""
        for file in list(self._files.values()):
            settings, file.hyperparameters = file.hyperparameters, {}
            new = {name: value for name, value in settings.items() if name not in self.run.config}
            if new:
                self.run.config.update(new)
        self.run.log_apart(self._take_rows)

    def _take_rows(self) -> list[tuple[dict[str, object], float]]:
        rows = []
        while self._rows:
            row = self._rows.popleft()
            rows.append((row.data(), row.wall_time))
        return rows

    def _flush_writers(self) -> None:
        """Ask the writers for what they hold back; not for ever, as one may be stuck in the call that is ending us."""

        def flush() -> None:
            for opened in self._opened:
                try:
                    opened.flush()
                except (OSError, ValueError):  # closed: it has written everything
                    pass
                except Exception as error:  # of whichever kind theirs is
                    self._tell(f"a writer of {opened.folder} could not be asked for its last events: {error}")

        thread = threading.Thread(target=flush, name="runlake-tensorboard-flush", daemon=True)
        thread.start()
        thread.join(FLUSH_TIMEOUT_S)

    def _tell(self, message: str) -> None:
        if message not in self._told:
            self._told.add(message)
            warnings.warn(f"runlake: TensorBoard: {message}", RunlakeWarning, stacklevel=2)
