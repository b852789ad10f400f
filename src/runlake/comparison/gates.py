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
from runlake.values import plain_name

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
    values = [_number(summary, gate.key) for summary in summaries]
    limit = gate.limit(values[0])
    start = 1 if len(paths) > 1 else 0
    return [_verdict(gate, path, value, limit) for path, value in list(zip(paths, values, strict=True))[start:]]


def _verdict(gate: Gate, path: RunPath, value: float | None, limit: float | None) -> Verdict:
    if value is None or limit is None:
        whose = path if value is None else "the first run"
        sentence = f"{gate.text}: {whose} has no number of {gate.key!r} in its summary"
        return Verdict(gate=gate.text, run=path, is_broken=True, value=value, limit=limit, sentence=sentence)
    is_broken = bool(_OPERATORS[gate.operator](value, limit))
    word = "is" if is_broken else "is not"
    sentence = f"{gate.text}: {gate.key} of {path} is {value:.6g}, which {word} {gate.operator} {limit:.6g}"
    return Verdict(gate=gate.text, run=path, is_broken=is_broken, value=value, limit=limit, sentence=sentence)


def _number(summary: Mapping[str, Any], key: str) -> float | None:
    """The number under a key, by its escaped path or by its plain name; NaN is none."""
    for path, value in summary.items():
        if key in (path, plain_name(path)) and isinstance(value, int | float) and not isinstance(value, bool):
            return None if math.isnan(value) else float(value)
    return None
