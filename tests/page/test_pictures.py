"""The pictures in the README and the guide are made by a script that goes on working."""

from __future__ import annotations

import os
import struct
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
SHOWN = ROOT / "docs" / "pictures"
MAX_BYTES = 200_000


def size_of(picture: Path) -> tuple[int, int]:
    """Width and height, as the head of a PNG says."""
    head = picture.read_bytes()[:24]
    assert head.startswith(b"\x89PNG")
    width, height = struct.unpack(">II", head[16:])
    return width, height


def test_the_pictures_are_made_anew_and_as_large_as_those_that_are_shown(browser: Any, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "docs.make_pictures", str(tmp_path / "made")]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "src")])}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    made = {path.name: size_of(path) for path in (tmp_path / "made").iterdir()}
    assert made == {path.name: size_of(path) for path in SHOWN.iterdir()}
    assert [path for path in (tmp_path / "made").iterdir() if path.stat().st_size > MAX_BYTES] == []


def test_every_picture_is_shown_somewhere_and_small() -> None:
    pages = [(ROOT / page).read_text("utf-8") for page in ("README.md", "docs/guide/page.md")]
    assert [path.name for path in SHOWN.iterdir() if not any(f"pictures/{path.name})" in page for page in pages)] == []
    assert [path.name for path in SHOWN.iterdir() if path.stat().st_size > MAX_BYTES] == []
