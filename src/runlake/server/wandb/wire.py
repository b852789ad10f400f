"""Our values as W&B's JSON, and back.

There are two kinds of JSON on this wire. Text that holds JSON may hold NaN and Infinity as they are; JSON that is part
of an answer must be strict, and then they are the texts "NaN", "Infinity" and "-Infinity".
"""

from __future__ import annotations

import base64
import datetime
import json
import math
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec
import pyarrow as pa

from runlake.errors import BadValueError
from runlake.model import AXES, HIDDEN_KEY, RUNTIME, STEP, TIMESTAMP, Lane, MetricRule, RunInfo
from runlake.query.rows.dicts import read_python

NOT_OF_THE_USER = frozenset({*AXES, HIDDEN_KEY})
"""Keys of a summary that the client adds to what was logged."""

TELEMETRY_KEY = "t"
"""The client takes a run for one that has begun when its hidden configuration has this key."""

RULES_KEY = "m"
SUMMARY_KINDS = {1: "min", 2: "max", 3: "mean", 4: "best", 5: "last", 6: "none", 7: "copy", 8: "first"}
GOALS = {1: "minimize", 2: "maximize"}
"""How the hidden configuration says the rules of metrics."""


def dump_json_string(value: Any) -> str:
    """Any stored value as the text of a JSONString; bytes are base64."""
    return _encoder.encode(value)


def dump_strict(value: Any) -> str:
    """The same of a value that is strict JSON already, faster."""
    return msgspec.json.encode(value).decode()


def load_json_string(text: str, what: str) -> Any:
    """What a JSONString holds; `BadValueError` names `what` when it holds no JSON."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise BadValueError(f"{what} is not JSON: {error}; it began with {text[:60]!r}") from None


def strict_json(value: Any) -> Any:
    """A stored value as strict JSON: what is not finite is text, bytes are base64, broken Unicode is replaced."""
    kind = type(value)
    if kind is float:
        return value if math.isfinite(value) else _float_name(value)
    if kind is str:
        return _whole_text(value)
    if kind is dict:
        return {_whole_text(key): strict_json(item) for key, item in value.items()}
    if kind is list or kind is tuple:
        return [strict_json(item) for item in value]
    return _plain(value) if kind is bytes else value


def read_strict(lane: Lane, array: pa.ChunkedArray) -> list[Any]:
    """The values of one lane as `strict_json` has them: for `query.rows.dicts.row_batches`."""
    found = read_python(lane, array)
    if lane == "f64":
        return found if all(map(math.isfinite, found)) else list(map(strict_json, found))
    return list(map(strict_json, found)) if lane in ("json", "str") else found


def config_document(info: RunInfo) -> dict[str, Any]:
    """The configuration as W&B writes it: each key with its value in a dict, and the hidden part."""
    document = {key: {"value": value} for key, value in info.config.items()}
    document[HIDDEN_KEY] = {"value": hidden_config(info)}
    return document


def hidden_config(info: RunInfo) -> dict[str, Any]:
    """What the client keeps in the configuration for itself. A run that another client began looks like one of its."""
    stored = info.config.get(HIDDEN_KEY)
    begun: dict[str, Any] = {} if info.state == "pending" else {TELEMETRY_KEY: {}}
    if info.metric_rules:
        begun[RULES_KEY] = [_rule_document(rule) for rule in info.metric_rules]
    return begun | stored if isinstance(stored, dict) else begun


def _rule_document(rule: MetricRule) -> dict[str, Any]:
    """A rule as the client says it: the names of fields are their numbers."""
    options = [number for number, is_set in ((1, rule.step_sync), (2, rule.hidden)) if is_set]
    kinds = [number for number, name in SUMMARY_KINDS.items() if name in rule.summary]
    goal = next((number for number, name in GOALS.items() if name == rule.goal), None)
    said = {"2" if "*" in rule.name else "1": rule.name, "4": rule.step_metric, "6": options, "7": kinds, "8": goal}
    return {number: value for number, value in said.items() if value}


def summary_document(info: RunInfo) -> dict[str, Any]:
    """The summary as W&B has it: with the axes of the last row, and the runtime in whole seconds."""
    document = dict(info.summary)
    if info.row_count:
        document.setdefault(STEP, info.last_step)
        document.setdefault(RUNTIME, info.runtime_s)
        document.setdefault(TIMESTAMP, info.last_row_at)
    document.setdefault(HIDDEN_KEY, {"runtime": int(info.runtime_s)})
    return document


def iso_time(timestamp: float, *, timespec: str = "seconds") -> str:
    """Seconds since 1970 as ISO-8601 text in UTC."""
    try:
        moment = datetime.datetime.fromtimestamp(timestamp, datetime.UTC)
    except (OverflowError, ValueError, OSError):
        moment = datetime.datetime.fromtimestamp(0, datetime.UTC)  # clocks of clients say anything
    return moment.isoformat(timespec=timespec).replace("+00:00", "Z")


def leaf_paths(tree: Mapping[str, Any], prefix: tuple[str, ...] = ()) -> Iterable[tuple[tuple[str, ...], Any]]:
    """Each value of nested data and the keys that lead to it; media and lists are values."""
    for key, value in tree.items():
        if isinstance(value, dict) and value and "_type" not in value:
            yield from leaf_paths(value, (*prefix, key))
        else:
            yield (*prefix, key), value


def _plain(value: Any) -> Any:
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    return str(value)


_encoder = json.JSONEncoder(separators=(",", ":"), default=_plain)


def _float_name(value: float) -> str:
    return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"


def _whole_text(text: str) -> str:
    """Text that can be sent as UTF-8: half a surrogate pair becomes the sign for what cannot be shown."""
    return text if text.isascii() else text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
