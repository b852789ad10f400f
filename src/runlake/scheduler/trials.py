"""What the search of a sweep learns from: the runs that it handed out, and those of before that it was given."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import msgspec

from runlake.scheduler.open_sweep import OpenSweep
from runlake.scheduler.outcome import RUNNING, outcome_of
from runlake.scheduler.runs import RunSource

if TYPE_CHECKING:
    from runlake.search.propose import Trial


class Trials:
    """The trials of one sweep."""

    def __init__(self, sweep: OpenSweep, runs: RunSource) -> None:
        self._sweep = sweep
        self._runs = runs
        self._prior: Sequence[Trial] | None = None

    def read(self) -> list[Trial]:
        """All that count, each with what it came to as far as this process has seen."""
        from runlake.search.propose import Trial

        sweep = self._sweep
        trials = list(self._prior_trials())
        for claim in sweep.fold.claims:
            if claim.given_up is None:
                outcome = sweep.outcomes.get(claim.entry.run_id, RUNNING)
                trials.append(Trial(number=claim.number, params=claim.entry.params, **msgspec.structs.asdict(outcome)))
        return trials

    def _prior_trials(self) -> Sequence[Trial]:
        if self._prior is None:
            from runlake.search.propose import Trial

            sweep = self._sweep
            run_ids = sweep.fold.created.prior_run_ids
            runs = self._runs.find_by_id(sweep.path, run_ids, few_runs=sweep.limits.few_runs) if run_ids else []
            outcomes = [outcome_of(sweep.plan, run, is_stopped=False) for run in runs]
            self._prior = [
                Trial(number=number - len(runs), params=run.config, **msgspec.structs.asdict(outcome))
                for number, (run, outcome) in enumerate(zip(runs, outcomes, strict=True))
            ]
        return self._prior
