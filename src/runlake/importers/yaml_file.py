"""Small YAML files of other trackers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from runlake.errors import BadValueError, NotSupportedError

LIMIT_BYTES = 64 << 20


def read_mapping(file: Path) -> dict[str, Any]:
    """What a file maps names to. BadValueError for one that is none, NotSupportedError without PyYAML."""
    try:
        import yaml  # type: ignore[import-untyped, unused-ignore]
    except ImportError:
        raise NotSupportedError(
            f"reading {file} needs PyYAML, which is not installed; run: pip install pyyaml"
        ) from None
    try:
        if file.stat().st_size > LIMIT_BYTES:
            raise BadValueError(f"{file} has {file.stat().st_size:,} bytes, which is too much for a description")
        document = yaml.load(file.read_text("utf-8"), getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    except (OSError, ValueError, RecursionError, yaml.YAMLError) as error:
        raise BadValueError(f"{file} cannot be read as YAML: {error}") from None
    if not isinstance(document, dict):
        raise BadValueError(f"{file} holds no names and values")
    return {str(name): value for name, value in document.items()}
