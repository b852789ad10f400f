"""What a metric's rule says of its summary. Pure."""

from __future__ import annotations

import fnmatch
import math
from collections.abc import Mapping
from typing import Any

from runlake.model import MetricRule, Numbers
from runlake.values import split_path


def rule_for(path: str, rules: Mapping[str, MetricRule]) -> MetricRule | None:
    """The rule of a metric: one of its own name, else the first glob that matches; dots in keys escaped, or not."""
    if not rules:
        return None
    names = dict.fromkeys((path, ".".join(split_path(path))))
    own = next((rules[name] for name in names if name in rules), None)
    globs = (r for r in rules.values() if "*" in r.name and any(fnmatch.fnmatchcase(name, r.name) for name in names))
    return own or next(globs, None)


def aggregates(path: str, last: Any, rule: MetricRule, numbers: Numbers | None) -> dict[str, Any]:
    """What a rule keeps of a metric, by path: ``{"loss.min": 0.1}``; "copy" is the last value under the plain path."""
    if "none" in rule.summary:
        return {}
    low, high, total, count, first = numbers or (math.nan, math.nan, math.nan, 0, math.nan)
    best = high if (rule.goal or "").startswith("max") else low
    known = {
        "min": low,
        "max": high,
        "mean": total / count if count else math.nan,
        "first": first,
        "last": last,
        "best": best,
    }
    kept = {f"{path}.{name}": known[name] for name in rule.summary if name in known}
    return {path: last} if not kept or "copy" in rule.summary else kept
