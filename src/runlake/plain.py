"""Objects of Python and of well-known libraries as plain values: one form each, wherever they are given.

A plain value is None, bool, int, float, str, bytes, a list or a mapping. What is inside a list or a mapping may need
this again. Classes of libraries are told by their names, and nothing is imported to find out.

::

    dates, times, datetime64 of every unit          ISO 8601 text
    timedelta, timedelta64 of every unit            ISO 8601 text: P1DT2H, PT0.5S
    Decimal, UUID, Fraction, Period, Interval       their text
    complex numbers                                 their text: 1+2j
    NaT, pandas.NA                                  None
    functions and classes                           their qualified names
    arrays, tensors, sequences, sets, views         lists
    dataclasses, namespaces, objects of pydantic, attrs, msgspec and OmegaConf, what has to_dict()    mappings
"""

from __future__ import annotations

import datetime
import enum
from collections.abc import Callable, Collection, Iterable, Mapping
from pathlib import PurePath
from types import GeneratorType
from typing import Any

UNKNOWN = object()
"""What `plain_of` answers for a value that it has no form for."""

_BY_CLASS: dict[tuple[str, str], Callable[[Any], Any]] = {
    ("decimal", "Decimal"): str,
    ("uuid", "UUID"): str,
    ("fractions", "Fraction"): str,
    ("pandas", "Period"): str,
    ("pandas", "Interval"): str,
    ("pandas", "NaTType"): lambda value: None,
    ("pandas", "NAType"): lambda value: None,
    ("omegaconf", "Container"): lambda value: _of_omegaconf(value),
}
"""Package and class; a class that inherits from one of these has the same form."""

_DECIMALS = {"s": 0, "ms": 3, "us": 6, "ns": 9, "ps": 12, "fs": 15, "as": 18}
_SECONDS = {"m": 60, "h": 3_600, "D": 86_400, "W": 604_800}


def plain_of(value: Any) -> Any:
    """The plain form of a scalar, an array or a collection that is a builtin or of a library; `UNKNOWN` for others."""
    if isinstance(value, enum.Enum):
        return plain_of(value.value)
    if value is None or isinstance(value, bool):
        return value
    scalars: tuple[Callable[[Any], Any], ...] = (int, float, str, bytes)
    for scalar in scalars:
        if isinstance(value, scalar):  # type: ignore[arg-type]
            return scalar(value)
    for base in type(value).__mro__:
        form = _BY_CLASS.get((base.__module__.partition(".")[0], base.__name__))
        if form is not None:
            return form(value)
    if isinstance(value, Mapping):
        return value
    if isinstance(value, bytearray | memoryview):
        return bytes(value)
    if isinstance(value, list | tuple | set | frozenset | range):
        return list(value)
    if isinstance(value, datetime.datetime | datetime.date | datetime.time):
        return value.isoformat()
    if isinstance(value, datetime.timedelta):
        return _duration(value)
    if isinstance(value, complex):
        return str(complex(value)).strip("()")
    if isinstance(value, PurePath):
        return str(value)
    return _from_array(value) if hasattr(value, "dtype") else UNKNOWN


def plain_structure(value: Any) -> Any:
    """The plain form of an object that is made of fields or items, of a function or a class; `UNKNOWN` for others."""
    fields = fields_of(value)
    if fields is not None:
        return fields
    if isinstance(value, GeneratorType):
        return list(value)
    is_sized = isinstance(value, Iterable) and hasattr(type(value), "__len__") and not hasattr(value, "to_dict")
    if is_sized and (isinstance(value, Collection) or hasattr(type(value), "__getitem__")):
        return list(value)
    if hasattr(value, "__qualname__"):  # their text would hold an address
        return f"{getattr(value, '__module__', None) or 'builtins'}.{value.__qualname__}"
    return UNKNOWN


def fields_of(value: Any) -> dict[Any, Any] | None:
    """The items of a mapping or the fields of an object that is made of them; None for any other object."""
    kind = type(value)
    if isinstance(value, Mapping):
        return dict(value.items())
    if isinstance(value, type):
        return None
    if hasattr(value, "__dict__") and any(c.__name__.endswith("Namespace") for c in kind.__mro__):
        return dict(vars(value))
    if hasattr(value, "flag_values_dict"):  # absl
        return dict(value.flag_values_dict())
    if hasattr(kind, "keys") and hasattr(kind, "items") and hasattr(kind, "__getitem__"):
        return None if hasattr(kind, "__array__") else dict(value.items())  # ConfigDict is one, a frame is none
    if hasattr(value, "model_dump") and hasattr(kind, "model_fields"):  # pydantic
        return dict(value.model_dump())
    if hasattr(kind, "__dataclass_fields__"):
        import dataclasses

        names: Iterable[str] = (field.name for field in dataclasses.fields(value))
        return {name: getattr(value, name) for name in names if hasattr(value, name)}
    if hasattr(kind, "__struct_fields__"):  # msgspec
        return {name: getattr(value, name) for name in kind.__struct_fields__ if hasattr(value, name)}
    if hasattr(kind, "__attrs_attrs__"):
        return {field.name: getattr(value, field.name) for field in value.__attrs_attrs__}
    return _from_to_dict(value)


def key_text(key: Any) -> str:
    """The key of a dict as text, as JSON would have it: true, 1.5, and the parts of a tuple with commas between."""
    if isinstance(key, str) and not isinstance(key, enum.Enum):
        return str(key)
    plain = plain_of(key)
    if isinstance(plain, bool):
        return "true" if plain else "false"
    if isinstance(plain, list):
        return ",".join(map(key_text, plain))
    if isinstance(plain, bytes):
        return plain.decode(errors="backslashreplace")
    return str(key if plain is UNKNOWN else plain)


def _from_to_dict(value: Any) -> dict[Any, Any] | None:
    """What the object says that it holds; None where it has many items, as data sets have, or does not say it so."""
    if not callable(getattr(type(value), "to_dict", None)) or hasattr(type(value), "__len__"):
        return None
    try:
        said = value.to_dict()
    except TypeError:  # it asks for arguments
        return None
    return dict(said.items()) if isinstance(said, Mapping) else None


def _of_omegaconf(value: Any) -> Any:
    from omegaconf import OmegaConf  # type: ignore[import-not-found, unused-ignore]

    return OmegaConf.to_container(value, resolve=True)


# Arrays ---------------------------------------------------------------------------------------------------


def _from_array(value: Any) -> Any:
    """A scalar of numpy or torch as a Python scalar, an array or a tensor as nested lists."""
    if hasattr(value, "detach"):
        value = value.detach().cpu()
        if str(value.dtype).startswith(("torch.bfloat16", "torch.float8")):
            value = value.float()
    elif not hasattr(value, "tolist") and hasattr(value, "numpy"):  # TensorFlow
        value = value.numpy()
    kind = getattr(value.dtype, "kind", None)
    if kind in ("M", "m") and type(value).__module__ == "numpy":
        return _each(value, _moment if kind == "M" else _span)
    to_list = getattr(value, "tolist", None) or getattr(value, "to_list", None)  # the second is polars'
    if to_list is None:
        return UNKNOWN
    plain = to_list()
    if isinstance(plain, complex):
        return str(complex(plain)).strip("()")
    if not isinstance(plain, list) and hasattr(plain, "dtype"):  # numpy.longdouble.tolist() is itself
        return str(complex(plain)).strip("()") if kind == "c" else float(plain)
    return plain


def _each(array: Any, form: Any) -> Any:
    return [_each(item, form) for item in array] if array.ndim else form(array[()])


def _moment(value: Any) -> str | None:
    """A datetime64 as ISO text: a date where its unit is a day or longer, else with as many digits as it needs."""
    import numpy as np

    if np.isnat(value):
        return None
    unit = np.datetime_data(value.dtype)[0]
    if unit in ("Y", "M", "W", "D"):
        return str(value.astype("datetime64[D]"))
    text, _, digits = str(value.astype("datetime64[s]") if unit in ("h", "m") else value).partition(".")
    digits = digits.rstrip("0")
    return f"{text}.{digits.ljust(max(6, -(-len(digits) // 3) * 3), '0')}" if digits else text


def _span(value: Any) -> str | int | None:
    """A timedelta64 as ISO text; a number where it has no unit."""
    import numpy as np

    if np.isnat(value):
        return None
    unit, multiple = np.datetime_data(value.dtype)
    count = int(value.astype("int64")) * multiple
    if unit == "generic":
        return count
    if unit in ("Y", "M"):
        return f"{'-' if count < 0 else ''}P{abs(count)}{unit}"
    return _iso_duration(count * _SECONDS.get(unit, 1), _DECIMALS.get(unit, 0))


def _duration(value: datetime.timedelta) -> str:
    nanoseconds = getattr(value, "nanoseconds", 0)  # pandas' has them
    microseconds = (value.days * 86_400 + value.seconds) * 10**6 + value.microseconds
    return _iso_duration(microseconds * 1000 + nanoseconds, 9)


def _iso_duration(ticks: int, decimals: int) -> str:
    """So many units of 10**-decimals seconds as ISO 8601 text: days, hours, minutes, seconds."""
    whole, part = divmod(abs(ticks), 10**decimals)
    minutes, seconds = divmod(whole, 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    digits = f"{part:0{decimals}d}".rstrip("0") if part else ""
    text_s = f"{seconds}.{digits}S" if digits else f"{seconds}S" if seconds else ""
    time = "".join(f"{count}{unit}" for count, unit in ((hours, "H"), (minutes, "M")) if count) + text_s
    text = (f"{days}D" if days else "") + (f"T{time}" if time else "")
    return f"{'-' if ticks < 0 else ''}P{text or 'T0S'}"


def iso_time(seconds: float) -> str:
    """Seconds since 1970 as W&B writes a time: ``2026-01-31T12:00:00Z``."""
    return datetime.datetime.fromtimestamp(seconds, datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
