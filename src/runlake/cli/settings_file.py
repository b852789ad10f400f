"""Settings written into a ``settings.toml`` without touching what else stands there."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path

from runlake.errors import BadValueError


def set_settings(path: Path, values: Mapping[str, str | None]) -> None:
    """Set some settings of a file that need not be there yet; None takes one out.

    Raises `BadValueError` for a file that is not TOML, before it is changed.
    """
    import tomllib

    old = path.read_text("utf-8") if path.exists() else ""
    new = old
    for name, value in values.items():
        new = re.sub(rf"^[ \t]*{re.escape(name)}[ \t]*=.*\n?", "", new, count=1, flags=re.MULTILINE)
        if value is not None:  # at the top, where no table has begun
            new = f"{name} = {json.dumps(value)}\n{new}"
    try:
        tomllib.loads(old)
        tomllib.loads(new)
    except tomllib.TOMLDecodeError as error:
        raise BadValueError(f"the settings file {path} is not TOML, or would not be: {error}") from None
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(new, encoding="utf-8")
