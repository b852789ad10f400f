"""The page about importing shows what the command prints, and names every kind of source."""

import os
import sys
from pathlib import Path

import pytest
from pages import ROOT, make_desk, run_command, texts

from runlake.importers.find import SOURCES
from runlake.importers.tables import SUFFIXES
from runlake.importers.tensorboard import LIVE_S

sys.path.append(str(Path(__file__).parents[1] / "importers"))

from imported import unpacked
from neptune_files import series, value, write
from wandb_bytes import EXIT, field, history, log, record, run

PAGE = "docs/guide/importing.md"


def put_wandb(desk):
    folder = desk / "wandb" / "offline-run-20260101_000000-r1"
    (folder / "files").mkdir(parents=True)
    (folder / "files" / "a.txt").write_bytes(b"7 bytes")
    (folder / "files" / "b.txt").write_bytes(b"7 bytes")
    rows = [history(step, loss=1 / (step + 1)) for step in range(100)]
    (folder / "run-r1.wandb").write_bytes(log([run("r1"), *rows, record(EXIT, field(1, 0))]))


def put_mlflow(desk):
    for_real(unpacked("mlflow-2.22.0", desk / "unpacked") / "database", desk / "mlflow")


def put_trackio(desk):
    for_real(unpacked("trackio-0.43.0", desk / "unpacked") / "parquet", desk / "trackio")


def put_swanlab(desk):
    unpacked("swanlab-0.10.3", desk / "swanlog")


def put_neptune(desk):
    write(desk / "exports" / "data", "acme/mnist", "RUN-1", [value("lr", "float", 0.1)], series("loss", [1.0, 0.5]))


def for_real(folder, place):
    """Move a folder, and let its files be old."""
    folder.rename(place)
    for file in place.rglob("*"):
        os.utime(file, (1_700_000_000, 1_700_000_000))


@pytest.mark.parametrize("put", [put_wandb, put_mlflow, put_trackio, put_swanlab, put_neptune])
def test_the_command_prints_what_the_page_says(put, tmp_path):
    desk = make_desk(tmp_path)
    put(desk)
    (place,) = [each.name for each in desk.iterdir() if not each.name.startswith((".", "unpacked"))]
    (shown,) = [text for text in texts(PAGE, "console") if f"import {place}/" in text]
    command, output = shown.removeprefix("$ ").split("\n", 1)
    assert sorted(run_command(command, desk).splitlines()) == sorted(output.splitlines())


def test_the_page_names_what_the_code_knows():
    text = (ROOT / PAGE).read_text("utf-8") + (ROOT / "docs/guide/command-line.md").read_text("utf-8")
    assert [name for name in (*SOURCES, *SUFFIXES) if name not in text and name != ".feather"] == []
    assert "within\nfive minutes" in text
    assert LIVE_S == 300
