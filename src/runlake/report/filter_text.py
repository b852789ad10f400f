"""Filters as the page's address has them, ``config.lr > 0.01 and state = "running"``, read as the page does; pure.

`web/src/state/filter_text.ts` is the other reader; `web/test/filter_texts.json` has what both must say of texts.
"""

from __future__ import annotations

import json
import re
from typing import Any, Literal, NamedTuple

from runlake.errors import BadValueError
from runlake.service.wire import documents

_TOKEN = re.compile(
    r"\s*(?:(`(?:[^`]|``)+`)|(\"(?:[^\"\\]|\\.)*\"|'(?:[^'\\]|\\.)*')"
    r"|(!=|==|<=|>=|!~|[=<>~(),\[\]])|([^\s=<>!~(),\[\]\"'`]+))"
)
_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?")
_INTEGER = re.compile(r"[+-]?\d+")
_WORDS = frozenset({"and", "or", "not", "in", "exists", "missing", "contains", "true", "false", "null"})
_OPERATORS = {"!=": "$ne", "<": "$lt", "<=": "$lte", ">": "$gt", ">=": "$gte", "~": "$regex"}
_VALUES: dict[str, Any] = {
    **{"true": True, "false": False, "null": None},
    **{"Infinity": float("inf"), "-Infinity": -float("inf"), "NaN": float("nan")},
}
_SEARCHED = ("name", "notes", "tags", "group", "job_type", "user")
_DEEPEST = 100
_LARGEST_PLAIN = 1e21
"""JavaScript writes larger numbers with an exponent."""

Filter = dict[str, Any]


class _Token(NamedTuple):
    kind: Literal["name", "text", "sign", "end"]
    text: str


def read_filter_text(text: str) -> Filter | None:
    """The filter that a text says, None for an empty one; `BadValueError` says what is not understood."""
    if not text.strip():
        return None
    if text.strip().startswith("{"):
        found = documents.read_json(text.strip().encode())
        if not isinstance(found, dict):
            raise BadValueError(f"{text!r} is no filter")
        return found
    return _Parser(_tokens_of(text)).whole()


def search_filter(text: str) -> Filter | None:
    """What the search of a project's runs finds; None for no text."""
    if not text.strip():
        return None
    pattern = {"$regex": _quoted(text.strip()), "$options": "i"}
    return {"$or": [{name: pattern} for name in _SEARCHED]}


def both(left: Filter | None, right: Filter | None) -> Filter | None:
    """What two filters find."""
    if left is None or right is None:
        return right if left is None else left
    return {"$and": [left, right]}


def _quoted(text: str) -> str:
    """A pattern that finds a text as it stands."""
    return re.sub(r"[\\^$.*+?()[\]{}|]", r"\\\g<0>", text)


def _tokens_of(text: str) -> list[_Token]:
    tokens, at = [], 0
    while text[at:].strip():
        found = _TOKEN.match(text, at)
        if found is None:
            raise BadValueError(f"a quote that does not end: {text[at:].strip()}")
        name, quoted, sign, word = found.groups()
        if name is not None:
            tokens.append(_Token("name", "`" + name[1:-1].replace("``", "`")))
        elif quoted is not None:
            tokens.append(_Token("text", _unquoted(quoted)))
        else:
            tokens.append(_Token("name", word) if sign is None else _Token("sign", sign))
        at = found.end()
    return [*tokens, _Token("end", "")]


def _unquoted(text: str) -> str:
    inner = text[1:-1]
    if text.startswith("'"):
        inner = re.sub(r'(?<!\\)"', r"\\\"", inner.replace("\\'", "'"))
    try:
        return str(json.loads(f'"{inner}"'))
    except ValueError:
        raise BadValueError(f"this is no text as JSON has it: {text}") from None


def _all_of(parts: list[Filter]) -> Filter:
    """All at once; fields that are named once stand side by side."""
    flat = [part for part in parts if part]
    names = [name for part in flat for name in part]
    is_plain = not (len(flat) > 1 and any(name.startswith("$") for name in names))
    if len(set(names)) == len(names) and is_plain:
        return {name: value for part in flat for name, value in part.items()}
    return {"$and": flat}


class _Parser:
    """Reads tokens from the left."""

    def __init__(self, tokens: list[_Token]) -> None:
        self._tokens, self._at, self._depth = tokens, 0, 0

    def whole(self) -> Filter:
        """All of them as one filter."""
        found = self._any()
        if self._now.kind != "end":
            raise self._error("“and”, “or” or the end")
        return found

    @property
    def _now(self) -> _Token:
        return self._tokens[self._at]

    def _takes(self, word: str) -> bool:
        is_there = self._now.kind != "text" and self._now.text.lower() == word
        self._at += is_there
        return is_there

    def _any(self) -> Filter:
        parts = [self._all()]
        while self._takes("or"):
            parts.append(self._all())
        return parts[0] if len(parts) == 1 else {"$or": parts}

    def _all(self) -> Filter:
        parts = [self._one()]
        while self._takes("and"):
            parts.append(self._one())
        return parts[0] if len(parts) == 1 else _all_of(parts)

    def _one(self) -> Filter:
        self._depth += 1
        if self._depth > _DEEPEST:
            raise BadValueError(f"parentheses within more than {_DEEPEST} others")
        try:
            if self._takes("not"):
                return {"$not": self._one()}
            if self._takes("("):
                inner = self._any()
                self._expect(")")
                return inner
            return self._condition()
        finally:
            self._depth -= 1

    def _condition(self) -> Filter:
        if self._now.kind != "name" or self._now.text.lower() in _WORDS:
            raise self._error("the name of a column, like config.lr")
        name = self._now.text.removeprefix("`")
        self._at += 1
        if self._takes("exists"):
            return {name: {"$exists": True}}
        if self._takes("missing"):
            return {name: {"$exists": False}}
        if self._takes("contains"):
            return {name: {"$regex": _quoted(_text_of(self._value())), "$options": "i"}}
        if self._takes("in"):
            return {name: {"$in": self._values()}}
        if self._takes("not"):
            self._expect("in")
            return {name: {"$nin": self._values()}}
        return {name: self._comparison()}

    def _comparison(self) -> Any:
        if self._takes("=") or self._takes("=="):
            return self._value()
        if self._takes("!~"):
            return {"$not": {"$regex": _text_of(self._value())}}
        operator = _OPERATORS.get(self._now.text) if self._now.kind == "sign" else None
        if operator is None:
            raise self._error("one of = != < <= > >= ~ in, contains, exists, missing")
        self._at += 1
        value = self._value()
        return {operator: _text_of(value) if operator == "$regex" else value}

    def _values(self) -> list[Any]:
        close = "]" if self._takes("[") else ")"
        if close == ")":
            self._expect("(")
        found: list[Any] = []
        while not self._takes(close):
            if found:
                self._expect(",")
            found.append(self._value())
        return found

    def _value(self) -> Any:
        kind, text = self._now
        if kind in ("end", "sign"):
            raise self._error("a value")
        self._at += 1
        return text if kind == "text" else _value_of(text)

    def _expect(self, word: str) -> None:
        if not self._takes(word):
            raise self._error(f"“{word}”")

    def _error(self, expected: str) -> BadValueError:
        kind, text = self._now
        found = "the end" if kind == "end" else f"“{text.removeprefix('`')}”"
        return BadValueError(f"expected {expected}, not {found}")


def _value_of(word: str) -> Any:
    """What a word without quotes means: a number, true, false, null, or itself."""
    if _NUMBER.fullmatch(word):
        return int(word) if _INTEGER.fullmatch(word) else float(word)
    return _VALUES[word] if word in _VALUES else word.removeprefix("`")


def _text_of(value: Any) -> str:
    """A value as JavaScript writes it."""
    if isinstance(value, str):
        return value
    if isinstance(value, float) and value.is_integer() and abs(value) < _LARGEST_PLAIN:
        return str(int(value))
    return next((word for word, known in _VALUES.items() if known is value), str(value))
