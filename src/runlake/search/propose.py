"""What the next run of a sweep is to try: the one door to grid, random and bayes."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from typing import Any

from runlake.errors import BadValueError
from runlake.search.grid import grid_point
from runlake.search.plan import SweepPlan, assemble, leaves
from runlake.search.trial import Trial

__all__ = ["Trial", "propose"]


def propose(plan: SweepPlan, number: int, trials: Sequence[Trial], *, seed: int) -> dict[str, Any]:
    """The nested parameters of run `number`; the same arguments give the same answer.

    A grid looks at nothing but the number, and random at nothing but seed and number. Bayes learns from `trials`,
    whatever their order; it needs scikit-learn, and raises `NotSupportedError` without it.
    """
    if number < 0:
        raise BadValueError(f"the runs of a sweep are numbered from 0 on, and {number} is below")
    if plan.method == "grid":
        return grid_point(plan, number)
    if plan.method == "random":
        rng = Random(f"{seed}:{number}")
        return assemble(plan.parameters, {path: leaf.sample(rng) for path, leaf in leaves(plan.parameters)})
    from runlake.search.bayes import propose_by_model

    return propose_by_model(plan, number, trials, seed=seed)
