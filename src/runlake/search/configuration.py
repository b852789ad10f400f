"""The language of sweep configurations, as W&B's users write it, read into a checked plan.

All that is wrong is found at once, each with the path of the key: ``parameters.lr.distribution: …``.
"""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from runlake.errors import LogTypeError, NotSupportedError, SweepConfigError
from runlake.plain import fields_of, key_text
from runlake.search.command import macro_problem
from runlake.search.distributions import Categorical, Distribution
from runlake.search.parameters import parse_parameters
from runlake.search.plan import Hyperband, Method, Metric, SweepPlan, leaves
from runlake.search.problems import Problems, is_integer, is_number, shown
from runlake.values import MAX_DEPTH, canonical, read_value

METHODS: tuple[Method, ...] = ("grid", "random", "bayes")
LAST_RUN = 2**63 - 1
"""No sweep has more runs than this."""
LAST_BAND = 10**9
"""No run logs more values than this."""
LEAST_ETA = 1.001
"""With less, there would be millions of bands."""
_TEXTS = ("name", "description", "program", "project", "entity")
_KEYS = (*_TEXTS, "method", "metric", "parameters", "early_terminate", "run_cap", "command")
_WITHOUT_MEANING = ("apiVersion", "kind", "controller")
_OF_LAUNCH = ("job", "image_uri", "launch", "scheduler")


def parse_sweep(config: Mapping[str, Any] | str) -> SweepPlan:
    """The plan of a configuration, given as a mapping or as its YAML or JSON text.

    Raises `SweepConfigError`, which lists every problem by the path of its key; `NotSupportedError` when YAML is given
    and PyYAML is not installed.
    """
    loaded = _load(config) if isinstance(config, str) else config
    data = loaded if isinstance(loaded, Mapping) else fields_of(loaded)
    if data is None:
        raise SweepConfigError(f"a sweep configuration is a mapping of keys to values, not {shown(loaded)}")
    problems = Problems()
    given = _plain(data, "", problems, 0)
    problems.raise_any()
    plan = _parse(given, problems)
    problems.raise_any()
    assert plan is not None  # where there is none, there is a problem
    return plan


def _parse(given: Mapping[str, Any], problems: Problems) -> SweepPlan | None:
    for key in given:
        if key in _OF_LAUNCH:
            problems.add(key, "sweeps on launch queues are not supported; give a program, or a function to the agent")
        elif key not in (*_KEYS, *_WITHOUT_MEANING):
            problems.unknown(key, key, _KEYS)
    if (controller := given.get("controller")) not in (None, {"type": "cloud"}):
        problems.add(
            "controller", f"expected {{'type': 'cloud'}}, found {shown(controller)}: the store does the search"
        )
    texts = {key: _text(given, key, problems) for key in _TEXTS}
    method = _method(given, problems)
    metric = _metric(given, problems)
    tree, written = parse_parameters(given.get("parameters"), problems)
    if method == "grid":
        for path, distribution in leaves(tree):
            _check_countable(path, distribution, problems)
    stopping = _early_terminate(given, problems)
    if metric is None and "metric" not in given:
        for key, is_there in (("method: bayes", method == "bayes"), ("early_terminate", stopping is not None)):
            if is_there:
                problems.add("metric", f"{key} needs it, such as {{'name': 'loss', 'goal': 'minimize'}}")
    run_cap = given.get("run_cap")
    if run_cap is not None and not (is_integer(run_cap) and run_cap > 0):
        problems.add("run_cap", f"expected a whole number above 0, found {shown(run_cap)}")
    elif run_cap is not None and run_cap > LAST_RUN:
        problems.add("run_cap", f"expected at most {LAST_RUN:,}, found {shown(run_cap)}")
    command = _command(given, problems)
    if problems.found or method is None:
        return None
    document = {key: text for key, text in texts.items() if text is not None} | {"method": method}
    parts = {
        "metric": metric and {**given["metric"], "goal": metric.goal},
        "parameters": written,
        "early_terminate": stopping and {"eta": 3, "strict": False} | given["early_terminate"],
        "run_cap": run_cap,
        "command": command and list(command),
    }
    return SweepPlan(
        method=method,
        parameters=tree,
        document=document | {key: part for key, part in parts.items() if part is not None},
        metric=metric,
        early_terminate=stopping,
        run_cap=run_cap,
        command=command,
        **texts,
    )


# Text -----------------------------------------------------------------------------------------------------


def _load(text: str) -> Any:
    if text.lstrip().startswith("{"):
        try:
            return json.loads(text)
        except ValueError:
            pass  # YAML has a form with braces as well
    try:
        import yaml  # type: ignore[import-untyped, unused-ignore]
    except ImportError:
        raise NotSupportedError(
            "a sweep configuration as YAML needs PyYAML, which is not installed; run: pip install 'runlake[sweeps]', "
            "or give it as JSON"
        ) from None

    class Loader(yaml.SafeLoader):  # type: ignore[misc, unused-ignore]
        """Reads 1e-4 as a number, as everybody means it and W&B does; YAML 1.1 would ask for 1.0e-4."""

    Loader.add_implicit_resolver(
        "tag:yaml.org,2002:float", re.compile(r"[-+]?(\d+\.?\d*|\.\d+)[eE][-+]?\d+$"), list("-+.0123456789")
    )
    try:
        return yaml.load(text, Loader)
    except yaml.YAMLError as error:
        raise SweepConfigError(f"the sweep configuration is neither JSON nor YAML: {error}") from None


def _plain(value: Any, path: str, problems: Problems, depth: int) -> Any:
    """Numpy's numbers, arrays, tuples and dates as plain data."""
    if isinstance(value, Mapping) and depth < MAX_DEPTH:
        above = f"{path}." if path else ""
        return {key_text(key): _plain(item, f"{above}{key}", problems, depth + 1) for key, item in value.items()}
    try:
        return read_value(canonical(value))
    except LogTypeError:
        problems.add(path, f"expected numbers, text, booleans, None, lists or mappings, found {shown(value)}")
        return None


# Keys -----------------------------------------------------------------------------------------------------


def _text(given: Mapping[str, Any], key: str, problems: Problems) -> str | None:
    text = given.get(key)
    if text is None or isinstance(text, str):
        return text
    problems.add(key, f"expected text, found {shown(text)}")
    return None


def _method(given: Mapping[str, Any], problems: Problems) -> Method | None:
    asked = given.get("method")
    for method in METHODS:
        if asked == method:
            return method
    if asked is None:
        problems.add("method", f"missing; it is one of {', '.join(METHODS)}")
    else:
        problems.no_such("method", "method", asked, METHODS)
    return None


def _metric(given: Mapping[str, Any], problems: Problems) -> Metric | None:
    metric = given.get("metric")
    if metric is None:
        return None
    if not isinstance(metric, Mapping):
        problems.add(
            "metric", f"expected a mapping such as {{'name': 'loss', 'goal': 'minimize'}}, found {shown(metric)}"
        )
        return None
    known = ("name", "goal", "target", "impute", "impute_while_running")
    for key in metric:
        if key not in known:
            problems.unknown(f"metric.{key}", key, known)
    name, goal, target = metric.get("name"), metric.get("goal", "minimize"), metric.get("target")
    if not isinstance(name, str) or not name:
        problems.add("metric.name", f"expected the name of a logged value, found {shown(name)}")
    if goal not in ("minimize", "maximize"):
        problems.no_such("metric.goal", "goal", goal, ("minimize", "maximize"))
    if target is not None and not is_number(target):
        problems.add("metric.target", f"expected a number, found {shown(target)}")
    if metric.get("impute", "worst") != "worst":
        problems.add("metric.impute", "not supported but as 'worst': the search stays away from where runs fail")
    if metric.get("impute_while_running", "false") not in ("false", False):
        problems.add("metric.impute_while_running", "not supported: runs that go on count by what is expected of them")
    return Metric(str(name), goal, target)


def _check_countable(path: tuple[str, ...], distribution: Distribution, problems: Problems) -> None:
    where = ".".join(("parameters", *path))
    if distribution.value_count is None:
        problems.add(where, "a grid needs values that can be counted: value, values, int_uniform or q_uniform")
    elif isinstance(distribution, Categorical) and distribution.probabilities is not None:
        problems.add(f"{where}.probabilities", "a grid has every value once; leave them out, or use method: random")


def _early_terminate(given: Mapping[str, Any], problems: Problems) -> Hyperband | None:
    rule = given.get("early_terminate")
    if rule is None:
        return None
    if not isinstance(rule, Mapping):
        problems.add(
            "early_terminate", f"expected a mapping such as {{'type': 'hyperband', 'min_iter': 3}}, found {shown(rule)}"
        )
        return None
    before = len(problems.found)
    known = ("type", "min_iter", "max_iter", "s", "eta", "strict")
    for key in rule:
        if key not in known:
            problems.unknown(f"early_terminate.{key}", key, known)
    if rule.get("type") != "hyperband":
        problems.no_such("early_terminate.type", "early termination", rule.get("type"), ("hyperband",))
    counts = {key: rule.get(key) for key in ("min_iter", "max_iter", "s")}
    for key, count in counts.items():
        if count is not None and not (is_integer(count) and count >= 1):
            problems.add(f"early_terminate.{key}", f"expected a whole number of at least 1, found {shown(count)}")
        elif count is not None and count > LAST_BAND:
            problems.add(f"early_terminate.{key}", f"expected at most {LAST_BAND:,}, found {shown(count)}")
    eta, strict = rule.get("eta", 3), rule.get("strict", False)
    if not (is_number(eta) and eta > 1):
        problems.add("early_terminate.eta", f"expected a number above 1, found {shown(eta)}")
    elif eta < LEAST_ETA:
        problems.add("early_terminate.eta", f"expected at least {LEAST_ETA}, found {shown(eta)}")
    if not isinstance(strict, bool):
        problems.add("early_terminate.strict", f"expected true or false, found {shown(strict)}")
    if counts["min_iter"] is None and (counts["max_iter"] is None or counts["s"] is None):
        problems.add("early_terminate", "expected min_iter, or max_iter together with s")
    if len(problems.found) > before:
        return None
    bands = _bands(eta=eta, **counts)
    if not bands:
        problems.add("early_terminate.max_iter", f"too small: with eta {eta} nothing would ever be stopped before it")
        return None
    return Hyperband(bands, eta, strict)


def _bands(*, min_iter: int | None, max_iter: int | None, s: int | None, eta: float) -> tuple[int, ...]:
    """Downwards from max_iter, `s` of them, as W&B does; where one is not given, upwards from min_iter."""
    if max_iter is not None and s is not None:
        steps = itertools.accumulate(itertools.repeat(eta, s), lambda step, by: step / by, initial=float(max_iter))
        return tuple(sorted({int(step) for step in itertools.takewhile(lambda step: step >= 1, steps)} - {max_iter}))
    assert min_iter is not None
    end = LAST_BAND if max_iter is None else max_iter
    steps = itertools.accumulate(itertools.repeat(eta), lambda step, by: step * by, initial=float(min_iter))
    return tuple(sorted({int(step) for step in itertools.takewhile(lambda step: step < end, steps)}))


def _command(given: Mapping[str, Any], problems: Problems) -> tuple[str, ...] | None:
    command = given.get("command")
    if command is None:
        return None
    if not isinstance(command, Sequence) or isinstance(command, str) or not command:
        problems.add(
            "command",
            f"expected a list of words such as ['python', '${{program}}', '${{args}}'], found {shown(command)}",
        )
        return None
    words = []
    for index, word in enumerate(command):
        if not isinstance(word, str | int | float) or isinstance(word, bool):
            problems.add(f"command.{index}", f"expected a word, found {shown(word)}")
        elif problem := macro_problem(str(word)):
            problems.add(f"command.{index}", problem)
        words.append(str(word))
    return tuple(words)
