"""What the page "Coming from W&B" says of the environment is what the settings do."""

import re
from pathlib import Path

from runlake.settings import ignored_variables
from runlake.settings.table import ROWS

PAGE = (Path(__file__).parents[2] / "docs" / "guide" / "coming-from-wandb.md").read_text(encoding="utf-8")


def test_the_page_lists_exactly_the_variables_that_are_read():
    table = "\n".join(line for line in PAGE.splitlines() if line.startswith("| `WANDB_"))
    assert set(re.findall(r"WANDB_\w+", table)) == {row.wandb_variable for row in ROWS if row.wandb_variable}


def test_the_variables_said_to_be_ignored_are_ignored():
    told = set(re.findall(r"WANDB_\w+", PAGE.rpartition("All other variables")[2]))
    assert {"WANDB_BASE_URL", "WANDB_AGENT_REPORT_INTERVAL"} < told
    assert set(ignored_variables(dict.fromkeys(told | {"WANDB_MODE", "HOME"}, "x"))) == told
