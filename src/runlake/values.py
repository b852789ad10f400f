"""What a user may log, made canonical.

A canonical value is one of int (within 64 bits), float, bool, str, None, or `Json`: text of the one JSON form
below. Nested dicts become *paths*: ``{"a": {"b": 1}}`` is ``{"a.b": 1}`` and ``{"a.b": 1}`` is ``{"a\\.b": 1}``,
so the two stay apart. Lists, empty dicts, dicts with a ``_type`` (media), bytes, integers beyond 64 bits and
text that is not valid Unicode have no column type of their own and become `Json`.

The JSON form is plain JSON, so any reader can open it, with three marks for what JSON cannot say::

    NaN, inf, -inf       {"$float": "NaN" | "Infinity" | "-Infinity"}
    bytes                {"$bytes": "<base64>"}
    a dict of the user's that would look like a mark      {"$dict": [[key, value], ...]}

Floats are written in their shortest form that reads back to the same bits; they always hold a point or an
exponent, so 1.0 and 1 stay apart. Integers may have any number of digits.
"""

from __future__ import annotations

import base64
import json
import math
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import msgspec

from runlake.errors import BadValueError, CorruptError, LogTypeError
from runlake.model import Lane
from runlake.plain import UNKNOWN, key_text, plain_of, plain_structure

MAX_DEPTH = 100
"""How many levels of dicts and lists may stand below the outermost one, wherever values come in: in Python, in journals
that are sent, in JSON. What is nested deeper is nearly always a cycle, or meant to end whoever reads it."""

MAX_INTEGER_BITS = 4096
"""Python itself refuses to read decimal numbers of more than 4,300 digits."""

I64_MIN, I64_MAX = -(2**63), 2**63 - 1
_MARKS = ("$float", "$bytes", "$dict")
_FLOAT_NAMES = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}
_PLAIN = frozenset({type(None), bool, int, float, str, bytes, list, dict})
_TOKEN = re.compile(r"\\.|\.", re.DOTALL)
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)

Converter = Callable[[Any], Any]
"""Asked for a value that is no scalar, array or builtin collection; answers plain data, or the value itself."""


class Json(str):
    """Canonical JSON text, told apart from a string the user logged by its type."""

    __slots__ = ()


def no_media(value: Any) -> Any:
    """The `convert` of a place that has no media."""
    return value


# Paths ----------------------------------------------------------------------------------------------------


def escape_key(key: str) -> str:
    """One key as one part of a path: dots and backslashes are escaped."""
    if "." in key or "\\" in key:
        return key.replace("\\", "\\\\").replace(".", "\\.")
    return key


def join_path(keys: Iterable[str]) -> str:
    """The path of nested keys: ``("a", "b")`` is ``a.b``, ``("a.b",)`` is ``a\\.b``."""
    return ".".join(map(escape_key, keys))


def split_path(path: str) -> tuple[str, ...]:
    """The keys of a path; the inverse of `join_path`."""
    if "\\" not in path:
        return tuple(path.split("."))
    keys, start = [], 0
    for match in _TOKEN.finditer(path):
        if match[0] == ".":
            keys.append(path[start : match.start()])
            start = match.end()
    keys.append(path[start:])
    return tuple(_ESCAPED.sub(r"\1", key) for key in keys)


def plain_name(path: str) -> str:
    """The path as a user reads it, without escapes: what a column is called. Two paths may share one."""
    return _ESCAPED.sub(r"\1", path) if "\\" in path else path


# Canonical values -----------------------------------------------------------------------------------------


def lane_of(value: Any) -> Lane:
    """The column type of a canonical value."""
    kind = type(value)
    if kind is float:
        return "f64"
    if kind is int:
        return "i64"
    if kind is bool:
        return "bool"
    if value is None:
        return "null"
    return "json" if kind is Json else "str"


def read_value(value: Any) -> Any:
    """A canonical value as the user gets it back: `Json` is decoded, the rest is as it is."""
    return stored_json(value) if type(value) is Json else value


def stored_json(text: str, max_levels: int = MAX_DEPTH + 1) -> Any:
    """`decode_json` of what a store holds: CorruptError for text that is no canonical JSON, or too deep to be used."""
    try:
        if text.count("[") + text.count("{") > max_levels:
            _check_levels(text, max_levels)
        return decode_json(text)
    except (ValueError, LookupError, TypeError, RecursionError) as error:
        raise CorruptError(
            f"the stored value {text[:60]!r} is no JSON ({type(error).__name__}: {error}); run `runlake check`"
        ) from None


_BRACKET = re.compile(r'"(?:[^"\\]|\\.)*+"|[\[{]|[\]}]')


def _check_levels(text: str, max_levels: int) -> None:
    level = 0
    for match in _BRACKET.finditer(text):
        level += (match[0] in "[{") - (match[0] in "]}")
        if level > max_levels:
            raise ValueError(f"it is nested deeper than {max_levels} levels")


def flatten(data: Mapping[Any, Any], convert: Converter = no_media, *, stringify_keys: bool = False) -> dict[str, Any]:
    """Nested data as path → canonical value, in the order given.

    Other objects take the forms of `runlake.plain`, after `convert` was asked for media. Keys inside are turned into
    text; those of `data` itself must be strings, or with `stringify_keys` are turned into text too.
    Raises `LogTypeError`, which names the path.
    """
    flat: dict[str, Any] = {}
    if not stringify_keys:
        for key in data:
            if not isinstance(key, str):
                raise LogTypeError(f"the key {key!r} is a {type(key).__name__}; keys must be strings")
    _flatten_into(flat, "", data, convert, 0)
    return flat


def _flatten_into(flat: dict[str, Any], prefix: str, data: Mapping[Any, Any], convert: Converter, depth: int) -> None:
    if depth > MAX_DEPTH:
        raise LogTypeError(f"{prefix[:80]!r}... is nested deeper than {MAX_DEPTH} levels; is there a cycle?")
    for key, value in data.items():
        path = prefix + escape_key(_key(key))
        plain = value if type(value) in _PLAIN else _simplify(value, path, convert)
        if isinstance(plain, Mapping) and plain and "_type" not in plain:
            _flatten_into(flat, path + ".", plain, convert, depth + 1)
        else:
            flat[path] = _canonical(plain, path, convert, depth + 1)


def canonical(value: Any, convert: Converter = no_media) -> Any:
    """One value as a canonical one; a dict is kept whole, as `Json`."""
    return _canonical(_simplify(value, "value", convert), "value", convert, 0)


def unflatten(items: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    """Path → canonical value as nested data; the inverse of `flatten`. A later item wins over an earlier one."""
    tree: dict[str, Any] = {}
    for path, value in items:
        if "." not in path:
            tree[path if "\\" not in path else plain_name(path)] = read_value(value)
            continue
        *parents, last = split_path(path)
        node = tree
        for key in parents:
            child = node.get(key)
            if type(child) is not dict:
                child = node[key] = {}
            node = child
        node[last] = read_value(value)
    return tree


def _key(key: Any) -> str:
    text = key if type(key) is str else key_text(key)
    try:
        text.encode()
    except UnicodeEncodeError:
        raise LogTypeError(f"the key {key!r} is not valid Unicode text") from None
    return text


def _simplify(value: Any, path: str, convert: Converter) -> Any:
    """A value of any type as None, bool, int, float, str, bytes, list or mapping; LogTypeError names `path`."""
    if type(value) in _PLAIN or isinstance(value, Json):
        return value
    plain = plain_of(value)
    if plain is not UNKNOWN:
        return plain
    try:
        plain = convert(value)
        if plain is value:
            plain = plain_structure(value)
        if plain is UNKNOWN:
            raise LogTypeError(
                f"a value of type {type(value).__module__}.{type(value).__qualname__} cannot be stored; "
                "log numbers, strings, booleans, None, lists, dicts, arrays or a runlake data type"
            )
    except LogTypeError as error:
        raise LogTypeError(f"{plain_name(path)!r}: {error}") from None
    return plain


def _canonical(value: Any, path: str, convert: Converter, depth: int) -> Any:
    if value is None or type(value) in (bool, float, Json):
        return value
    if type(value) is int:
        return value if I64_MIN <= value <= I64_MAX else Json(_check_integer(value, path))
    if type(value) is str:
        try:
            value.encode()
        except UnicodeEncodeError:
            return Json(json.dumps(value))
        return value
    return encode_json(value, convert, path=path, depth=depth)


def _check_integer(value: int, path: str) -> int:
    if value.bit_length() > MAX_INTEGER_BITS:
        raise LogTypeError(f"{plain_name(path)!r}: an integer of more than {MAX_INTEGER_BITS} bits cannot be stored")
    return value


# JSON -----------------------------------------------------------------------------------------------------


def encode_json(value: Any, convert: Converter = no_media, *, path: str = "value", depth: int = 0) -> Json:
    """Any loggable value as the canonical JSON text of this module's docstring."""
    marked = _mark(_simplify(value, path, convert), path, convert, depth)
    text = json.dumps(marked, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    try:
        text.encode()
    except UnicodeEncodeError:
        text = json.dumps(marked, allow_nan=False, separators=(",", ":"))
    return Json(text)


def decode_json(text: str) -> Any:
    """The value of canonical JSON text; the inverse of `encode_json`. Tuples and sets come back as lists."""
    return json.loads(text, object_hook=_unmark)


def check_json(text: str, depth: int = 0) -> None:
    """BadValueError for text that no reader could take for a value `depth` levels below the outermost dict."""
    if "$" not in text and text.count("[") + text.count("{") <= MAX_DEPTH - depth and not _LONG_NUMBER.search(text):
        try:
            _decode_plain(text.encode())
            return
        except (msgspec.MsgspecError, ValueError):
            pass  # NaN, half a surrogate pair: told apart below
    try:
        _mark(json.loads(text, object_hook=_unmark_strictly, parse_constant=_refuse_constant), "it", no_media, depth)
    except (ValueError, LogTypeError, RecursionError, LookupError, TypeError) as error:
        raise BadValueError(f"{text[:60]!r} is no JSON of a value: {error}") from None


_decode_plain = msgspec.json.Decoder().decode
_LONG_NUMBER = re.compile(r"(?<!\d)\d{1000}")


def _unmark_strictly(value: dict[str, Any]) -> Any:
    plain = _unmark(value)
    if "$dict" in value and plain is not value and not all(isinstance(key, str) for key in plain):
        raise BadValueError("a key in it is no text")
    return plain


def _refuse_constant(name: str) -> Any:
    raise BadValueError(f'{name} is not JSON; it is written {{"$float": "{name}"}}')


def _mark(value: Any, path: str, convert: Converter, depth: int) -> Any:
    if depth > MAX_DEPTH and (type(value) is list or isinstance(value, Mapping)):
        raise LogTypeError(f"{path[:80]!r}... is nested deeper than {MAX_DEPTH} levels; is there a cycle?")
    if type(value) is float:
        if math.isfinite(value):
            return value
        return {"$float": "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"}
    if type(value) is int:
        return _check_integer(value, path)
    if type(value) is Json:
        return _mark(decode_json(value), path, convert, depth)
    if type(value) is bytes:
        return {"$bytes": base64.b64encode(value).decode()}
    if type(value) is list:
        return [_mark(_simplify(item, path, convert), path, convert, depth + 1) for item in value]
    if isinstance(value, Mapping):
        pairs = [
            (key_text(key), _mark(_simplify(item, path, convert), path, convert, depth + 1))
            for key, item in value.items()
        ]
        return {"$dict": pairs} if len(pairs) == 1 and pairs[0][0] in _MARKS else dict(pairs)
    return value


def _unmark(value: dict[str, Any]) -> Any:
    if len(value) == 1:
        ((mark, inner),) = value.items()
        if mark == "$float":
            return _FLOAT_NAMES[inner]
        if mark == "$bytes":
            return base64.b64decode(inner)
        if mark == "$dict":
            return dict(inner)
    return value
