"""A quiet thread beside the training loop: every few seconds a look at the outside world.

Is a stop asked for? Have files changed that were saved with the policy "live"? Is the disk to be told to hold on to the
rows? None of it is in the way of `log()`.
"""

from __future__ import annotations

import threading
import warnings
from collections.abc import Callable

from runlake.errors import RunlakeError, RunlakeWarning
from runlake.sdk.run.run import Run
from runlake.store.journal.stop_requests import StopRequestWatcher

TICK_S = 5.0
STOP_TIMEOUT_S = 10.0


class Ticker:
    """Looks every `interval_s` seconds, or more often where the run's `sync_interval_s` asks; then `beside`."""

    def __init__(
        self,
        run: Run,
        watch: StopRequestWatcher,
        on_stop: Callable[[], None],
        beside: Callable[[], None] | None = None,
        *,
        interval_s: float = TICK_S,
    ) -> None:
        self._run, self._watch, self._on_stop, self._beside = run, watch, on_stop, beside
        self._interval_s = min(interval_s, run.settings.sync_interval_s or interval_s)
        self._syncs = run.settings.sync_interval_s is not None
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._tick_on, name="runlake-ticker", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Returns when the thread does nothing more, or hangs in a disk that does not answer."""
        self._over.set()
        if self._thread is not threading.current_thread() and self._thread.is_alive():
            self._thread.join(STOP_TIMEOUT_S)

    def _tick_on(self) -> None:
        while not self._over.wait(self._interval_s):
            try:
                self._tick()
            except (OSError, RunlakeError) as error:
                warnings.warn(f"runlake: looking after the run failed once: {error}", RunlakeWarning, stacklevel=1)

    def _tick(self) -> None:
        if self._syncs:
            self._run.sync_to_disk()
        self._run.config.tell_changes(from_beside=True)
        self._run.refresh_files()
        if self._beside is not None:
            self._beside()
        if self._watch.is_stop_requested():
            self._over.set()
            self._on_stop()
