"""The page about importing shows what the command prints, and names every kind of source."""

import sys
from pathlib import Path

from pages import ROOT, make_desk, run_command, texts

from runlake.importers.find import SOURCES
from runlake.importers.tables import SUFFIXES
from runlake.importers.tensorboard import LIVE_S

sys.path.append(str(Path(__file__).parents[1] / "importers"))

from wandb_bytes import EXIT, field, history, log, record, run

PAGE = "docs/guide/importing.md"


def test_the_command_prints_what_the_page_says(tmp_path):
    desk = make_desk(tmp_path)
    folder = desk / "wandb" / "offline-run-20260101_000000-r1"
    (folder / "files").mkdir(parents=True)
    (folder / "files" / "a.txt").write_bytes(b"7 bytes")
    (folder / "files" / "b.txt").write_bytes(b"7 bytes")
    rows = [history(step, loss=1 / (step + 1)) for step in range(100)]
    (folder / "run-r1.wandb").write_bytes(log([run("r1"), *rows, record(EXIT, field(1, 0))]))
    (shown,) = texts(PAGE, "console")
    command, output = shown.removeprefix("$ ").split("\n", 1)
    assert sorted(run_command(command, desk).splitlines()) == sorted(output.splitlines())


def test_the_page_names_what_the_code_knows():
    text = (ROOT / PAGE).read_text("utf-8") + (ROOT / "docs/guide/command-line.md").read_text("utf-8")
    assert [name for name in (*SOURCES, *SUFFIXES) if name not in text and name != ".feather"] == []
    assert "within\nfive minutes" in text
    assert LIVE_S == 300
