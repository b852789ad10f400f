"""The guide's page is run as it stands, in a process and an empty folder of its own."""

import os
import re
import sys
from pathlib import Path

import warm

PAGE = Path(__file__).parents[2] / "docs" / "guide" / "media.md"


def test_the_code_of_the_guide_prints_what_it_says(tmp_path):
    blocks = re.findall(r"```(\w+)\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)
    code = "\n".join(text for kind, text in blocks if kind == "python")
    printed = "".join(text for kind, text in blocks if kind == "text")
    done = warm.run(
        [sys.executable, "-W", "error", "-c", code],
        cwd=tmp_path,
        env={**os.environ, "RUNLAKE_DIR": str(tmp_path / "store"), "RUNLAKE_SEAL": "off", "RUNLAKE_SILENT": "true"},
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stdout) == (0, printed), done.stderr
