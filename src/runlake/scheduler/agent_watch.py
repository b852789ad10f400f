"""Which agents of a sweep are gone.

An agent is gone when it has left, when its process has ended (which is seen on one machine only), or when it said
nothing for `silence_s` while somebody watched (`hanging_s` where its process is seen to live).
"""

from __future__ import annotations

from runlake.scheduler.open_sweep import OpenSweep
from runlake.store.process_id import is_gone, lives_here


class AgentWatch:
    """The agents of one sweep, as one process has watched them."""

    def __init__(self, sweep: OpenSweep) -> None:
        self._sweep = sweep
        self._heard: dict[str, tuple[int, float]] = {}
        """Of each agent how many reports of it were seen, and when (monotonic) the last one came."""

    def is_gone(self, agent_id: str) -> bool:
        """Whether nothing more is to be expected of an agent; who is looked at for the first time is not."""
        sweep = self._sweep
        file, process = sweep.folder.read_agent(agent_id), sweep.fold.agents[agent_id].process
        if file.has_left or is_gone(process):
            return True
        count, at_s = self._heard.get(agent_id, (-1, 0.0))
        if file.report_count != count:
            self._heard[agent_id] = (file.report_count, sweep.clock.monotonic_s())
            return False
        limits = sweep.limits
        return sweep.clock.monotonic_s() - at_s > (limits.hanging_s if lives_here(process) else limits.silence_s)
