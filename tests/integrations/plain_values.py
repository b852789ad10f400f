"""Values of two stores in a form in which they are equal when they say the same."""

import hashlib
from pathlib import Path
from typing import IO, Any

import PIL.Image

OF_A_FILE = {"path", "sha256", "size", "artifact_path", "_latest_artifact_path", "filenames", "sizes", "log_mode"}
"""What a stored medium says of its files, and not of what they show."""


def plain_leaf(value: Any) -> Any:
    """A whole float as an int, another as text, so that NaN equals NaN."""
    if isinstance(value, float):
        return int(value) if value.is_integer() and abs(value) < 2**63 else repr(value)
    return value


def pixels(picture: Path | IO[bytes]) -> tuple[int, int, str]:
    """The size of a picture, and a digest of its colours."""
    with PIL.Image.open(picture) as opened:
        colours = opened.convert("RGBA")
        return (*colours.size, hashlib.sha256(colours.tobytes()).hexdigest()[:8])
