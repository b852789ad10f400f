"""How patient a sweep is, and by which clocks."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class SweepLimits:
    """How long agents and runs are waited for, how often they are tried, and how often they are looked at."""

    silence_s: float = 60.0
    """An agent that said nothing for so long is taken for gone. The official one speaks every five seconds."""

    hanging_s: float = 600.0
    """One whose process is seen to live, on this machine, may just be slow: it has this long."""

    max_attempts: int = 3
    """How many agents may lose their lives over the same parameters."""

    begin_grace_s: float = 15.0
    """A run that ended at its agent may not be here yet: what is shipped comes a little later."""

    max_offers: int = 3
    """How often an agent is told to begin a run of which nothing is ever heard."""

    max_new_runs: int = 100
    """So many runs are handed out in one answer, whatever number an agent says it wants: each is kept for good."""

    early_stop_every_s: float = 5.0
    """Whether runs are to stop early is looked at no more often: it reads a metric of all of them."""

    few_runs: int = 8
    """Of so many runs each is read by itself: a listing of the project costs about as much."""

    look_every_s: float = 1.0
    look_at_least_every_s: float = 10.0
    look_share: float = 0.05
    """How often the runs of all agents are looked at, where they are more than a few: no oftener than that takes this
    share of the time, and in these limits. An agent's own runs are looked at with each of its reports."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Clock:
    """What time it is: `now_s` in seconds since 1970 (UTC), `monotonic_s` for spans within this process."""

    now_s: Callable[[], float] = field(default_factory=lambda: time.time)
    monotonic_s: Callable[[], float] = field(default_factory=lambda: time.monotonic)
