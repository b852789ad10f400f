"""The table of what works with the official client is that of the tests."""

import runpy

from pages import ROOT


def test_the_table_is_not_stale():
    made = runpy.run_path(str(ROOT / "docs" / "generate_wandb_clients.py"))
    assert made["PAGE"].read_text("utf-8") == made["page"](), "run `make docs`"
    assert "| `Run.scan_history` | works |" in made["table"]()
