"""Which runs of a sweep are stopped before their end, by successive halving as W&B's ``hyperband`` does it.

A band is a place in the sequence of a run's values of the metric. At the last band that a run has come to, it is
compared with all runs that have come there, stopped ones included. With n of them, sorted from the best on:

- by default the run is stopped when its best value so far is worse than number floor(n / eta) + 1 of them at that band;
- with ``strict`` it is stopped when its value at the band is not among the best floor(n / eta), at least one.

NaN counts as worse than every number.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from runlake.search.plan import Hyperband, SweepPlan


def runs_to_stop(plan: SweepPlan, histories: Mapping[str, Sequence[float]]) -> set[str]:
    """The ids of those runs that have no place any more among these.

    `histories` are the values of the metric of all runs of the sweep, also of those that have ended; whoever asks
    leaves out of the answer those that no longer run.
    """
    rule, metric = plan.early_terminate, plan.metric
    if rule is None or metric is None:
        return set()
    sign = 1.0 if metric.goal == "minimize" else -1.0
    losses = {run_id: [_loss(sign * value) for value in values] for run_id, values in histories.items()}
    at_band: dict[int, list[str]] = {}
    stopped = set()
    for run_id, values in losses.items():
        reached = [band for band in rule.bands if band <= len(values)]
        if reached:
            at_band.setdefault(reached[-1], []).append(run_id)
    for band, run_ids in at_band.items():
        limit = _limit(rule, sorted(values[band - 1] for values in losses.values() if len(values) >= band))
        for run_id in run_ids:
            values = losses[run_id]
            if (values[band - 1] if rule.is_strict else min(values)) > limit:
                stopped.add(run_id)
    return stopped


def _limit(rule: Hyperband, losses: Sequence[float]) -> float:
    """The worst loss of those with which a run may go on."""
    count = int(len(losses) / rule.eta)
    return losses[max(count - 1, 0)] if rule.is_strict else losses[count]


def _loss(value: float) -> float:
    return math.inf if math.isnan(value) else value
