"""What scripts and integrations borrow from wandb's own toolbox."""

import importlib
import json
import math
import re
import secrets
from collections.abc import Callable, Mapping
from datetime import date
from pathlib import PurePath
from types import ModuleType
from typing import Any, TextIO

_LETTERS = "0123456789abcdefghijklmnopqrstuvwxyz"


# Ids and modules ----------------------------------------------------------------------------------------------


def generate_id(length: int = 8) -> str:
    """A random id of lower-case letters and digits, fit for ``init(id=…)``."""
    return "".join(secrets.choice(_LETTERS) for _ in range(length))


random_string = rand_alphanumeric = generate_id


def get_module(name: str, required: str | bool | None = None, lazy: bool = True) -> ModuleType | None:
    """Import a module that may be missing: None then, or an ImportError with the text `required`."""
    try:
        return importlib.import_module(name)
    except ImportError as error:
        if required:
            message = required if isinstance(required, str) else f"the module {name!r} is required"
            raise ImportError(message, name=error.name, path=error.path) from error
        return None


get_optional_module = get_module


# Types, told by their names: nothing is imported to find out --------------------------------------------------


def get_full_typename(value: Any) -> str:
    """Module and name of a value's class, like ``numpy.ndarray``; its text where it is an instance of ModuleType."""
    kind = type(value)
    return kind.__name__ if kind.__module__ in (None, "builtins") else f"{kind.__module__}.{kind.__name__}"


def _is_of(package: str, name: str) -> Callable[[Any], bool]:
    def test(value: Any) -> bool:
        return any(c.__module__.partition(".")[0] == package and c.__name__ == name for c in type(value).__mro__)

    test.__doc__ = f"Whether a value is a {name} of {package}."
    return test


is_numpy_array = _is_of("numpy", "ndarray")
is_pandas_data_frame = _is_of("pandas", "DataFrame")
is_pytorch_tensor = _is_of("torch", "Tensor")
is_tf_tensor = _is_of("tensorflow", "Tensor")


def is_pytorch_tensor_typename(typename: str) -> bool:
    return typename.startswith("torch.") and ("Tensor" in typename or "Variable" in typename)


def is_tf_tensor_typename(typename: str) -> bool:
    return typename.startswith("tensorflow.") and "Tensor" in typename


def is_matplotlib_typename(typename: str) -> bool:
    return typename.startswith("matplotlib.")


def is_plotly_typename(typename: str) -> bool:
    return typename.startswith("plotly.")


def is_pandas_data_frame_typename(typename: str) -> bool:
    return typename.startswith("pandas.") and "DataFrame" in typename


# JSON ---------------------------------------------------------------------------------------------------------


def json_friendly(value: Any) -> tuple[Any, bool]:
    """A value as JSON takes it, and whether it had to be changed: arrays and tensors become lists, bytes text."""
    if is_pytorch_tensor(value):
        value = value.detach().cpu()
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace"), True
    if isinstance(value, date):
        return value.isoformat(), True
    if isinstance(value, set | frozenset):
        return list(value), True
    if isinstance(value, PurePath):
        return str(value), True
    if callable(tolist := getattr(value, "tolist", None)):  # numpy, torch, tensorflow, jax, and their scalars
        return tolist(), True
    if callable(numpy := getattr(value, "numpy", None)):
        return numpy().tolist(), True
    if isinstance(value, slice):
        return {"slice_start": value.start, "slice_step": value.step, "slice_stop": value.stop}, True
    if isinstance(value, type) or (callable(value) and hasattr(value, "__qualname__")):
        return f"{value.__module__}.{value.__qualname__}", True
    return value, False


def json_friendly_val(value: Any) -> Any:
    """The same for a value and all that is in it."""
    if isinstance(value, Mapping):
        return {key: json_friendly_val(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [json_friendly_val(inner) for inner in value]
    friendly, _ = json_friendly(value)
    return friendly


def make_safe_for_json(value: Any) -> Any:
    """The same with text in the place of numbers that are not finite."""
    if isinstance(value, Mapping):
        return {key: make_safe_for_json(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [make_safe_for_json(inner) for inner in value]
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    return value


class WandBJSONEncoder(json.JSONEncoder):
    """Takes what `json_friendly` takes; `TypeError` for the rest."""

    def default(self, value: Any) -> Any:
        friendly, is_changed = json_friendly(value)
        return friendly if is_changed else super().default(value)


WandBHistoryJSONEncoder = WandBJSONEncoder


def json_dumps_safer(value: Any, **options: Any) -> str:
    """A value as JSON; raises `TypeError` where it cannot be that."""
    return json.dumps(value, cls=WandBJSONEncoder, **options)


json_dumps_safer_history = json_dumps_safer


def json_dump_safer(value: Any, file: TextIO, **options: Any) -> None:
    """Write a value as JSON into a file that is open."""
    file.write(json_dumps_safer(value, **options))


def make_json_if_not_number(value: Any) -> Any:
    """A number as it is, everything else as JSON."""
    return value if isinstance(value, int | float) else json_dumps_safer(value)


# Names and sizes ----------------------------------------------------------------------------------------------


def make_artifact_name_safe(name: str) -> str:
    """A name with ``_`` for what an artifact's name cannot hold, shortened in the middle to 128 characters."""
    safe = re.sub(r"[^a-zA-Z0-9_\-.]", "_", name)
    return safe if len(safe) <= 128 else f"{safe[:63]}..{safe[-63:]}"


def make_file_path_upload_safe(path: str) -> str:
    """A path with ``_`` for what an address cannot hold."""
    return re.sub(r"[^a-zA-Z0-9_\-./ ]", "_", path)


def to_forward_slash_path(path: str) -> str:
    """A path with ``/`` between its parts, whatever the system has."""
    return PurePath(path).as_posix()


def to_human_size(size_bytes: float, units: Any = None) -> str:
    """A count of bytes to be read by people, like ``1.5MB``."""
    for unit in ("B", "KB", "MB", "GB", "TB"):
        if size_bytes < 1000 or unit == "TB":
            return f"{round(size_bytes, 1):g}{unit}"
        size_bytes /= 1000
    raise AssertionError("unreachable")


def has_num(values: Mapping[Any, Any], key: Any) -> bool:
    """Whether a number stands under a key."""
    return isinstance(values.get(key), int | float)
