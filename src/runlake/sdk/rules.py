"""`define_metric` on the writing side: aggregates for the live summary, step metrics put into rows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from runlake.errors import BadValueError
from runlake.model import MetricRule, Numbers
from runlake.store.fold import aggregates, rule_for
from runlake.values import escape_key, plain_name, split_path

AGGREGATES = ("min", "max", "mean", "first", "last", "none", "copy", "best")
_MAX_FOUND_COUNT = 10_000


def make_rule(
    name: str, step_metric: str | None, step_sync: bool | None, hidden: bool, summary: str | None, goal: str | None
) -> MetricRule:
    """A checked rule; BadValueError says which argument is wrong and what is possible."""
    if not isinstance(name, str) or not name:
        raise BadValueError(f"define_metric: the name must be a string that is not empty, not {name!r}")
    if "*" in name[:-1]:
        raise BadValueError(f"define_metric: {name!r}: a * may only stand at the end")
    wanted = tuple(part.strip() for part in (summary or "").split(",") if part.strip())
    unknown = [part for part in wanted if part not in AGGREGATES]
    if unknown:
        raise BadValueError(f"define_metric: summary={summary!r} holds {unknown}; possible: {', '.join(AGGREGATES)}")
    if goal not in (None, "minimize", "maximize"):
        raise BadValueError(f'define_metric: goal={goal!r}; possible: "minimize", "maximize"')
    sync = bool(step_metric) if step_sync is None else step_sync
    return MetricRule(name, step_metric, wanted, goal, hidden, sync)


class RuleBook:
    """The rules of one run, and the running aggregates of the metrics they name.

    `numbers` are those of the rows before: see `fold.StreamFold`.
    """

    def __init__(self, numbers: Mapping[str, Numbers]) -> None:
        self._rules: dict[str, MetricRule] = {}
        self._numbers: dict[str, Numbers] = dict(numbers)
        self._found: dict[str, MetricRule | None] = {}
        self._step_names: set[str] = set()
        self._last_steps: dict[str, tuple[str, Any]] = {}

    def __bool__(self) -> bool:
        return bool(self._rules)

    def add(self, rule: MetricRule, summary: Mapping[str, Any]) -> None:
        """Obey a rule from now on; of its step metric, `summary` knows the last value so far."""
        self._rules[rule.name] = rule
        self._found.clear()
        step = rule.step_metric
        if step and step not in self._step_names:
            self._step_names.add(step)
            for path in dict.fromkeys((escape_key(step), step)):
                value = _look_up(summary, path)
                if value is not None and not isinstance(value, Mapping):
                    self._last_steps[step] = (path, value)

    def with_step_metrics(self, data: Mapping[str, Any]) -> Mapping[str, Any]:
        """The row with the last value of every step metric that one of its metrics asks for and it lacks."""
        names = {plain_name(path): path for path in _paths(data)}
        wanted = {rule.step_metric for rule in map(self._rule_of, names.values()) if rule and rule.step_sync}
        for step in wanted:
            if step and step not in names and step in self._last_steps:
                path, value = self._last_steps[step]
                data = _with_value(data, split_path(path), value)
        return data

    def summary_of(self, path: str, value: Any) -> dict[str, Any]:
        """What the summary keeps after the canonical `value` was logged under `path`, by path."""
        name = plain_name(path)
        if name in self._step_names:
            self._last_steps[name] = (path, value)
        rule = self._rule_of(path)
        if rule is None or not rule.summary:
            return {path: value}
        if type(value) in (int, float) and value == value:
            low, high, total, count, first = self._numbers.get(path, (value, value, 0.0, 0, value))
            self._numbers[path] = (min(low, value), max(high, value), total + value, count + 1, first)
        return aggregates(path, value, rule, self._numbers.get(path))

    def _rule_of(self, path: str) -> MetricRule | None:
        try:
            return self._found[path]
        except KeyError:
            if len(self._found) >= _MAX_FOUND_COUNT:
                self._found.clear()
            rule = self._found[path] = rule_for(path, self._rules)
            return rule


def _paths(data: Mapping[str, Any], prefix: str = "") -> Iterator[str]:
    """The path of every value in a row; what cannot be a key is left to `log` to refuse."""
    for key, value in data.items():
        if isinstance(key, str):
            path = prefix + escape_key(key)
            if isinstance(value, Mapping) and value and "_type" not in value:
                yield from _paths(value, path + ".")
            else:
                yield path


def _with_value(data: Mapping[str, Any], keys: tuple[str, ...], value: Any) -> dict[str, Any]:
    """A copy of nested data with one more value in it."""
    first, *rest = keys
    below = data.get(first)
    return {
        **data,
        first: _with_value(below if isinstance(below, Mapping) else {}, tuple(rest), value) if rest else value,
    }


def _look_up(tree: Mapping[str, Any], path: str) -> Any:
    value: Any = tree
    for key in split_path(path):
        value = value.get(key) if isinstance(value, Mapping) else None
    return value
