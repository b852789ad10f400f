"""Parameters as overrides of hydra: in its grammar, so that it reads the values that the sweep chose.

A dict becomes one override for each value in it, so what else the program has under that name stays. Text is quoted
where hydra would read it as something else: ``"1e-3"``, ``null``, or a list of choices.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from runlake.errors import SweepConfigError

_NAME = re.compile(r"[^\s'\"=,(){}\[\]\\]+")
_BARE_TEXT = re.compile(r"[A-Za-z_][A-Za-z0-9_/.-]*")
_KEY_IN_DICT = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_WORDS = frozenset({"true", "false", "null", "nan", "inf"})
_BEFORE_A_QUOTE = re.compile(r"(\\*)'")
_AT_THE_END = re.compile(r"(\\+)\Z")


def overrides(params: Mapping[str, Any]) -> list[str]:
    """``name=value`` of every parameter, without a plus sign; `SweepConfigError` for a name that hydra cannot have."""
    return [f"{name}={_value(value)}" for name, value in _leaves(params, "")]


def _leaves(params: Mapping[str, Any], above: str) -> Iterator[tuple[str, Any]]:
    for key, value in params.items():
        name = f"{above}{key}"
        if not _NAME.fullmatch(key):
            raise SweepConfigError(f"parameters.{name}: hydra has no such name; use ${{args_json}} instead")
        if isinstance(value, Mapping) and value:
            yield from _leaves(value, f"{name}.")
        else:
            yield name, value


def _value(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, Mapping):
        return "{" + ",".join(f"{_key(key)}:{_value(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ",".join(map(_value, value)) + "]"
    return repr(value) if isinstance(value, bool | int | float) else _text(str(value))


def _text(text: str) -> str:
    if _BARE_TEXT.fullmatch(text) and text.lower() not in _WORDS:
        return text
    # Backslashes stand for themselves except before a quote, where each is doubled.
    text = _BEFORE_A_QUOTE.sub(lambda match: match[1] * 2 + "\\'", text)
    return "'" + _AT_THE_END.sub(lambda match: match[1] * 2, text) + "'"


def _key(key: str) -> str:
    if not _KEY_IN_DICT.fullmatch(key) or key.lower() in _WORDS:
        raise SweepConfigError(f"hydra takes no key {key!r} for a dict inside a list; use ${{args_json}} instead")
    return key
