"""The summary of the running run: what was logged last, the aggregates that rules ask for, and edits."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from runlake.model import AXES, MetricRule, Numbers
from runlake.sdk.run.rules import RuleBook
from runlake.store.journal.edits import apply_edit, set_path
from runlake.values import flatten, read_value


class LiveSummary:
    """Nested plain data, kept as `store.journal.fold` will make it of the same rows and records.

    Not safe for threads by itself: the run's lock guards it.
    """

    def __init__(
        self, before: Mapping[str, Any], rules: tuple[MetricRule, ...], numbers: Mapping[str, Numbers]
    ) -> None:
        self.rules = RuleBook(numbers)
        self._values = dict(before)
        self._row_number: int | None = None
        self._recent: dict[str, Any] = {}
        self.note = self._recent.update
        """Keep a row of flat numbers, by key; what it means is worked out when somebody asks. Only without rules."""
        for rule in rules:
            self.rules.add(rule, self._values)

    def take(self, flat: Mapping[str, Any], row_number: int | None) -> None:
        """Keep a row, or a piece of one, as path → canonical value; None numbers a row that is whole."""
        self._catch_up()
        rules = self.rules
        if row_number is None or row_number != self._row_number:
            rules.begin_row()
        self._row_number = row_number
        for path, value in flat.items():
            if path in AXES:
                continue
            if not rules:
                set_path(self._values, path, read_value(value))
                continue
            for kept_path, kept in rules.summary_of(path, value).items():
                set_path(self._values, kept_path, read_value(kept))

    def edit(self, edit: Mapping[str, Any]) -> None:
        """Apply an edit by the user: see `journal.edits.apply_edit`."""
        apply_edit(self.current(), edit)

    def add_rule(self, rule: MetricRule) -> None:
        """What is logged from now on obeys the rule too, and what is kept of metrics that had a rule is made anew."""
        summary, before = self.current(), self.rules.summaries()
        self.rules.add(rule, summary)
        for path, kept in self.rules.summaries().items():
            if kept != before[path]:
                apply_edit(summary, {"unset": [path], "set": kept})

    def current(self) -> dict[str, Any]:
        """The summary as of now; not a copy."""
        self._catch_up()
        return self._values

    def _catch_up(self) -> None:
        if self._recent:
            recent = self._recent.copy()  # in one step: a signal handler may log while we go through it
            self._recent.clear()
            for path, value in flatten(recent).items():
                if path not in AXES:
                    set_path(self._values, path, read_value(value))
