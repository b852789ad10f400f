"""Conditions under which a comparison fails: ``val_loss > +1%``, ``accuracy < -0.02``, ``loss >= 0.5``."""

from __future__ import annotations

import math
import operator
import re
from collections.abc import Mapping, Sequence
from typing import Any

from msgspec import Struct

from runlake.errors import BadValueError
from runlake.model import RunPath
from runlake.near import near_names
from runlake.values import plain_name, read_value

_OPERATORS = {">=": operator.ge, "<=": operator.le, ">": operator.gt, "<": operator.lt}
_FORM = re.compile(
    r"\s*(?P<key>.*?\S)\s*(?P<operator>>=|<=|>|<)\s*(?P<sign>[+-]?)(?P<number>[0-9.eE+-]+)(?P<percent>%?)\s*"
)
_HELP = 'write KEY OP NUMBER, as in "val_loss > +1%", "accuracy < -0.02" (to the first run) or "loss >= 0.5"'


class Gate(Struct, frozen=True, kw_only=True):
    """One condition on a summary value: with a sign relative to the first run, in its unit or in percent."""

    text: str
    key: str
    operator: str
    number: float
    is_relative: bool
    is_percent: bool

    def limit(self, first: float | None) -> float | None:
        """The number that a value is compared with; None where it is relative and the first run has none."""
        if not self.is_relative:
            return self.number
        if first is None:
            return None
        return first + (abs(first) * self.number / 100 if self.is_percent else self.number)


class Verdict(Struct, frozen=True, kw_only=True):
    """What a gate says of one run; it is also broken where there is no number to judge by."""

    gate: str
    run: RunPath
    is_broken: bool
    value: float | None
    limit: float | None
    sentence: str


def parse_gate(text: str) -> Gate:
    """The gate that a text describes; `BadValueError` says how one is written."""
    found = _FORM.fullmatch(text)
    try:
        number = float(f"{found['sign']}{found['number']}") if found else math.nan
    except ValueError:
        number = math.nan
    if found is None or not math.isfinite(number):
        raise BadValueError(f"{text!r} is no condition; {_HELP}")
    if found["percent"] and not found["sign"]:
        raise BadValueError(f"{text!r} has a percentage of nothing; write +{found['number']}% or -{found['number']}%")
    return Gate(
        text=text.strip(),
        key=found["key"],
        operator=found["operator"],
        number=number,
        is_relative=bool(found["sign"]),
        is_percent=bool(found["percent"]),
    )


def judge(gate: Gate, paths: Sequence[RunPath], summaries: Sequence[Mapping[str, Any]]) -> list[Verdict]:
    """What the gate says of each run but the first; an absolute one of a single run too, of that."""
    read = [_read(summary, gate.key) for summary in summaries]
    start = 1 if len(paths) > 1 else 0
    pairs = list(zip(paths, read, strict=True))
    return [_verdict(gate, pairs[0], pair) for pair in pairs[start:]]


def _verdict(gate: Gate, first_run: tuple[RunPath, float | str], run: tuple[RunPath, float | str]) -> Verdict:
    """The verdict on one run: of it and of the first, the path and the number, or why there is none."""
    (first_path, first), (path, found) = first_run, run
    value = None if isinstance(found, str) else found
    limit = gate.limit(None if isinstance(first, str) else first)
    if limit is not None and not math.isfinite(limit):
        limit = None
    if value is None or limit is None:
        why = f"{path} {found}" if value is None else f"{first_path} {_no_ground(first)}"
        sentence = f"{gate.text}: cannot be judged: {why}"
        return Verdict(gate=gate.text, run=path, is_broken=True, value=value, limit=limit, sentence=sentence)
    is_broken = bool(_OPERATORS[gate.operator](value, limit))
    word = "is" if is_broken else "is not"
    shown, shown_limit = f"{value:.6g}", f"{limit:.6g}"
    if shown == shown_limit and value != limit:
        shown, shown_limit = repr(value), repr(limit)
    sentence = f"{gate.text}: {gate.key} of {path} is {shown}, which {word} {gate.operator} {shown_limit}"
    return Verdict(gate=gate.text, run=path, is_broken=is_broken, value=value, limit=limit, sentence=sentence)


def _read(summary: Mapping[str, Any], key: str) -> float | str:
    """The number under a key, by its escaped path or by its plain name; or what the run has there instead."""
    for path, value in summary.items():
        if key not in (path, plain_name(path)):
            continue
        value = read_value(value)
        if isinstance(value, bool) or not isinstance(value, int | float):
            return f"has no number as {key!r} in its summary, but {type(value).__name__}"
        try:
            return f"has NaN as {key!r} in its summary" if math.isnan(value) else float(value)
        except OverflowError:
            return math.inf if value > 0 else -math.inf
    near = near_names(key, map(plain_name, summary), 1)
    hint = f"; did you mean {near[0]!r}?" if near else ""
    return f"has no {key!r} in its summary{hint}"


def _no_ground(first: float | str) -> str:
    """Why nothing is relative to what the first run has."""
    return first if isinstance(first, str) else f"has {first:g}, to which nothing is relative"
