"""Where a configuration may come from: dicts, the objects that hold settings in Python, and files.

Files are JSON, TOML or YAML. In YAML, W&B's own form ``key: {desc: ..., value: ...}`` is read as ``key: value``;
`as_yaml` writes it. PyYAML is not required: it is used to read YAML when it is installed.
"""

from __future__ import annotations

import json
import math
import os
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from runlake.errors import BadValueError, LogTypeError, NotFoundError, NotSupportedError
from runlake.plain import UNKNOWN, fields_of, plain_of, plain_structure
from runlake.settings import current_folder

DEFAULTS_FILE = "config-defaults.yaml"
_ADDRESS = re.compile(r" at 0x[0-9a-fA-F]+")


def read_config(
    source: Any, *, include: Iterable[str] | None = None, exclude: Iterable[str] | None = None
) -> dict[Any, Any]:
    """A configuration as a dict, from a mapping, a namespace, a dataclass, absl flags, or the path of a file.

    Also from any other object that `plain.fields_of` knows. Values stay as they are. Only the keys of `include`, and
    not those of `exclude`. `LogTypeError` for anything else, `NotFoundError` for a missing file, `BadValueError` for
    an unreadable one, `NotSupportedError` for YAML without PyYAML.
    """
    if source is None:
        data: dict[Any, Any] | None = {}
    elif isinstance(source, str | os.PathLike):
        data = read_file(Path(source))
    else:
        data = fields_of(source if (plain := plain_of(source)) is UNKNOWN else plain)
    if data is None:
        raise LogTypeError(
            f"a configuration cannot be a {type(source).__module__}.{type(source).__qualname__}; pass a dict, an "
            "argparse namespace, a dataclass, or the path of a YAML, JSON or TOML file"
        )
    wanted = None if include is None else set(include)
    unwanted = set(exclude or ())
    return {k: v for k, v in data.items() if (wanted is None or k in wanted) and k not in unwanted}


def read_defaults(cwd: Path) -> dict[str, Any]:
    """What ``config-defaults.yaml`` in `cwd` says; nothing when it is not there."""
    path = cwd / DEFAULTS_FILE
    return read_file(path) if path.is_file() else {}


def read_file(path: Path) -> dict[str, Any]:
    """The configuration in a file; its ending says the format."""
    try:
        text = path.read_text("utf-8")
    except FileNotFoundError:
        raise NotFoundError(f"there is no configuration file {str(path)!r} in {current_folder()}") from None
    except (OSError, UnicodeDecodeError) as error:
        raise BadValueError(f"the configuration file {str(path)!r} cannot be read: {error}") from None
    data = _parse(text, path)
    if data is None:
        return {}
    if not isinstance(data, dict):
        raise BadValueError(f"the configuration file {str(path)!r} holds a {type(data).__name__}, not keys and values")
    return data


def _parse(text: str, path: Path) -> Any:
    kind = path.suffix.lower()
    try:
        if kind == ".json":
            return json.loads(text)
        if kind == ".toml":
            import tomllib

            return tomllib.loads(text)
    except ValueError as error:
        raise BadValueError(f"the configuration file {str(path)!r} is no {kind[1:].upper()}: {error}") from None
    if kind not in (".yaml", ".yml"):
        raise BadValueError(f"the configuration file {str(path)!r} must end in .yaml, .yml, .json or .toml")
    return _without_descriptions(_parse_yaml(text, path))


def _parse_yaml(text: str, path: Path) -> Any:
    try:
        import yaml  # type: ignore[import-untyped, unused-ignore]
    except ImportError:
        raise NotSupportedError(
            f"reading {str(path)!r} needs PyYAML (pip install pyyaml); JSON and TOML files work without it"
        ) from None
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise BadValueError(f"the configuration file {str(path)!r} is no YAML: {error}") from None


def _without_descriptions(data: Any) -> Any:
    """W&B's form without its descriptions, if the whole document has that form; other data as they are."""
    if not isinstance(data, dict):
        return data
    entries = {key: value for key, value in data.items() if key != "wandb_version"}
    described = [isinstance(v, dict) and "value" in v and v.keys() <= {"desc", "value"} for v in entries.values()]
    if "wandb_version" not in data and not (described and all(described)):
        return data
    return {k: v["value"] if d else v for (k, v), d in zip(entries.items(), described, strict=True)}


def as_plain(value: Any) -> Any:
    """An object inside a configuration as plain data, and where it has no other form as its text."""
    plain = plain_structure(value)
    return _ADDRESS.sub("", str(value)) if plain is UNKNOWN else plain


def as_yaml(config: Mapping[str, Any]) -> str:
    """A configuration (nested plain data) as YAML in W&B's form, which `read_file` reads back unchanged."""
    lines = ["wandb_version: 1"]
    for key, value in config.items():
        lines += ["", f"{_yaml_scalar(key)}:", *_yaml_lines("value", value, 1)]
    return "\n".join(lines) + "\n"


def _yaml_lines(key: str, value: Any, depth: int) -> list[str]:
    indent = "  " * depth
    if isinstance(value, Mapping) and value:
        inner = [line for k, v in value.items() for line in _yaml_lines(_yaml_scalar(k), v, depth + 1)]
        return [f"{indent}{key}:", *inner]
    return [f"{indent}{key}: {_yaml_flow(value)}"]


def _yaml_flow(value: Any) -> str:
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{_yaml_scalar(k)}: {_yaml_flow(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(_yaml_flow, value)) + "]"
    return _yaml_scalar(value)


def _yaml_scalar(value: Any) -> str:
    """A scalar in the forms that JSON and YAML share, with YAML's own words for what is not finite."""
    if isinstance(value, bytes):
        import base64

        return f'!!binary "{base64.b64encode(value).decode()}"'
    if isinstance(value, float):
        if not math.isfinite(value):
            return ".nan" if math.isnan(value) else ".inf" if value > 0 else "-.inf"
        text = repr(value)
        return text if "e" not in text or "." in text else text.replace("e", ".0e")  # 1e-05 is text in YAML 1.1
    if isinstance(value, str):
        plain = value.isidentifier() and value.isascii() and value.lower() not in _YAML_WORDS
        return value if plain else _UNPRINTABLE.sub(_escaped, json.dumps(value, ensure_ascii=False))
    return json.dumps(value)


def _escaped(match: re.Match[str]) -> str:
    return f"\\u{ord(match[0]):04x}"


_UNPRINTABLE = re.compile("[\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff\ud800-\udfff]")
_YAML_WORDS = frozenset({"null", "true", "false", "yes", "no", "on", "off", "y", "n"})
