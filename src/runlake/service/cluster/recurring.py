"""What a replica does beside its answers, again and again."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from runlake.errors import RunlakeError


class Recurring:
    """A thread that works every so often until it is closed; what fails is logged as `failure`, and tried again.

    `work` may look whether it `is_over`, and wait for that by `wait`.
    """

    def __init__(
        self, name: str, work: Callable[[], None], *, every_s: float, logger: logging.Logger, failure: str
    ) -> None:
        self._work, self._every_s, self._logger, self._failure = work, every_s, logger, failure
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._work_on, name=name, daemon=True)

    def start(self) -> None:
        """Begin, when all is there that `work` needs."""
        self._thread.start()

    @property
    def is_over(self) -> bool:
        return self._is_over.is_set()

    def wait(self) -> bool:
        """Whether it is over before the next look is due."""
        return self._is_over.wait(self._every_s)

    def close(self) -> None:
        """Wait for the work that goes on, which ends where it looks whether it is over, and do no more."""
        self._is_over.set()
        self._thread.join()

    def _work_on(self) -> None:
        while not self.wait():
            try:
                self._work()
            except (RunlakeError, OSError) as error:
                self._logger.warning("%s: %s", self._failure, error)
