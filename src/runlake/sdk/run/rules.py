"""`define_metric` on the writing side: aggregates for the live summary, step metrics put into rows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from runlake.errors import BadValueError
from runlake.model import MetricRule, Numbers
from runlake.store.journal.rules import aggregates, rule_for
from runlake.values import escape_key, plain_name, split_path

AGGREGATES = ("min", "max", "mean", "first", "last", "none", "copy", "best")
_MAX_FOUND_COUNT = 10_000


_ARGUMENTS: dict[str, tuple[type, str]] = {
    "step_metric": (str, '"epoch", or what define_metric("epoch") returned'),
    "summary": (str, '"min,max"'),
    "goal": (str, '"minimize"'),
    "step_sync": (bool, "True"),
    "hidden": (bool, "True"),
}
"""What `define_metric` is given beside a name: of which type, and an example."""


def make_rule(name: str, asked: Mapping[str, Any], before: MetricRule | None = None) -> MetricRule:
    """A checked rule that adds to the one `before`; BadValueError says which argument is wrong and what is possible.

    `asked` are the other arguments of `define_metric`, None for what was not given. The aggregates of both rules are
    kept.
    """
    if not isinstance(name, str) or not name:
        raise BadValueError(f"define_metric: the name must be a string that is not empty, not {name!r}")
    if "*" in name[:-1]:
        raise BadValueError(f"define_metric: {name!r}: a * may only stand at the end")
    asked = {**asked, "step_metric": getattr(asked.get("step_metric"), "name", asked.get("step_metric"))}
    for argument, (kind, example) in _ARGUMENTS.items():
        value = asked.get(argument)
        if value is not None and not isinstance(value, kind):
            raise BadValueError(
                f"define_metric: {argument}={value!r} is a {type(value).__name__}; "
                f"give a {kind.__name__}, like {example}"
            )
    step, summary, goal, step_sync, hidden = map(asked.get, _ARGUMENTS)
    wanted = tuple(part.strip() for part in (summary or "").split(",") if part.strip())
    unknown = [part for part in wanted if part not in AGGREGATES]
    if unknown:
        raise BadValueError(f"define_metric: summary={summary!r} holds {unknown}; possible: {', '.join(AGGREGATES)}")
    if goal not in (None, "minimize", "maximize"):
        raise BadValueError(f'define_metric: goal={goal!r}; possible: "minimize", "maximize"')
    before = before or MetricRule(name, step_sync=False)
    return MetricRule(
        name,
        step or before.step_metric,
        tuple(dict.fromkeys((*before.summary, *wanted))),
        goal or before.goal,
        before.hidden if hidden is None else hidden,
        step_sync if step_sync is not None else bool(step) or before.step_sync,
    )


class RuleBook:
    """The rules of one run, and the running aggregates of the metrics they name.

    `numbers` are those of the rows before: see `fold.StreamFold`.
    """

    def __init__(self, numbers: Mapping[str, Numbers]) -> None:
        self._rules: dict[str, MetricRule] = {}
        self._numbers: dict[str, Numbers] = dict(numbers)
        self._before_row: dict[str, Numbers | None] = {}
        self._found: dict[str, MetricRule | None] = {}
        self._step_names: set[str] = set()
        self._last_steps: dict[str, tuple[str, Any]] = {}
        self._last_values: dict[str, Any] = {}

    def __bool__(self) -> bool:
        return bool(self._rules)

    def rule_named(self, name: str) -> MetricRule | None:
        """What was said under this name so far."""
        return self._rules.get(name)

    def add(self, rule: MetricRule, summary: Mapping[str, Any]) -> None:
        """Obey a rule from now on; of its step metric, `summary` knows the last value so far."""
        self._rules[rule.name] = rule
        self._found.clear()
        step = _unescaped(rule.step_metric or "")
        if step and step not in self._step_names:
            self._step_names.add(step)
            for path in dict.fromkeys((escape_key(step), step)):
                value = _look_up(summary, path)
                if value is not None and not isinstance(value, Mapping):
                    self._last_steps[step] = (path, value)

    def with_step_metrics(self, data: Mapping[str, Any]) -> Mapping[str, Any]:
        """The row with the last value of every step metric that one of its metrics asks for and it lacks."""
        paths = list(_paths(data))
        names = set(map(plain_name, paths))
        rules = [rule for rule in map(self._rule_of, paths) if rule and rule.step_sync and rule.step_metric]
        for step in {_unescaped(rule.step_metric or "") for rule in rules}:
            if step not in names and step in self._last_steps:
                path, value = self._last_steps[step]
                data = _with_value(data, split_path(path), value)
        return data

    def begin_row(self) -> None:
        """What is logged from now on stands in another row."""
        self._before_row.clear()

    def summary_of(self, path: str, value: Any) -> dict[str, Any]:
        """What the summary keeps after the canonical `value` was logged under `path`, by path.

        Of a path that is logged twice in one row only the last value counts.
        """
        name = plain_name(path)
        if name in self._step_names:
            self._last_steps[name] = (path, value)
        rule = self._rule_of(path)
        if rule is None or not rule.summary:
            return {path: value}
        before = self._before_row.setdefault(path, self._numbers.get(path))
        if type(value) in (int, float) and value == value:
            low, high, total, count, first = before or (value, value, 0.0, 0, value)
            self._numbers[path] = (min(low, value), max(high, value), total + value, count + 1, first)
        elif before is None:
            self._numbers.pop(path, None)
        else:
            self._numbers[path] = before
        self._last_values[path] = value
        return self._summary_again(path, value)

    def summaries(self) -> dict[str, dict[str, Any]]:
        """What the summary keeps of each metric that was logged under a rule, by the metric's path and then by path."""
        return {path: self._summary_again(path, value) for path, value in self._last_values.items()}

    def _summary_again(self, path: str, value: Any) -> dict[str, Any]:
        rule = self._rule_of(path)
        if rule is None or not rule.summary:
            return {path: value}
        return aggregates(path, value, rule, self._numbers.get(path))

    def _rule_of(self, path: str) -> MetricRule | None:
        try:
            return self._found[path]
        except KeyError:
            if len(self._found) >= _MAX_FOUND_COUNT:
                self._found.clear()
            rule = self._found[path] = rule_for(path, self._rules)
            return rule


def _unescaped(step_metric: str) -> str:
    """The name of a step metric as `plain_name` has it; a dot in a key may have been written with a backslash."""
    return step_metric.replace("\\.", ".")


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
