"""What the page "Coming from W&B" says of the environment is what the settings do."""

import re
from pathlib import Path

from runlake.settings import ROWS

PAGE = (Path(__file__).parents[2] / "docs" / "guide" / "coming-from-wandb.md").read_text(encoding="utf-8")


def test_the_page_lists_exactly_the_variables_that_are_read():
    table = "\n".join(line for line in PAGE.splitlines() if line.startswith("| `WANDB_"))
    assert set(re.findall(r"WANDB_\w+", table)) == {row.wandb_variable for row in ROWS if row.wandb_variable}


def test_the_variables_said_to_be_ignored_are_ignored():
    ignored = set(re.findall(r"WANDB_\w+", PAGE.splitlines()[-1]))
    assert ignored == {"WANDB_API_KEY", "WANDB_BASE_URL"}
    assert not ignored & {variable for row in ROWS for variable in row.variables}
