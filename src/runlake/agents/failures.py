"""When an agent whose runs fail stops: something is wrong with more than the parameters then. The rules are W&B's."""

from __future__ import annotations

import time
from collections.abc import Callable

from runlake.settings import Settings

FIRST_MINUTE_S = 60.0
FAILURES_IN_IT = 3


class Failures:
    """Counts how the runs of one agent ended."""

    def __init__(
        self,
        settings: Settings,
        *,
        max_consecutive: int | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._settings, self._max_consecutive, self._clock = settings, max_consecutive, clock
        self._began_at = clock()
        self._failed = self._consecutive = self._well = 0

    def note(self, *, is_failed: bool) -> str | None:
        """One run more has ended; why the agent is to stop, if it is."""
        if not is_failed:
            self._well += 1
            self._consecutive = 0
            return None
        self._failed += 1
        self._consecutive += 1
        if self._max_consecutive is not None and self._consecutive >= self._max_consecutive:
            return f"{self._consecutive} runs in a row failed"
        is_early = self._clock() - self._began_at < FIRST_MINUTE_S
        if is_early and self._failed >= FAILURES_IN_IT and not self._settings.agent_disable_flapping:
            return (
                f"{self._failed} runs failed in the first {FIRST_MINUTE_S:.0f} seconds; "
                "RUNLAKE_AGENT_DISABLE_FLAPPING=true lets it go on"
            )
        if not self._well and self._failed >= self._settings.agent_max_initial_failures:
            return f"the first {self._failed} runs all failed; RUNLAKE_AGENT_MAX_INITIAL_FAILURES sets how many may"
        return None
