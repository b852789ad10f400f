"""Runs of so many rows that they are read some at a time: the file is that of a reading of all rows at once."""

import pytest

from runlake.model import RunPath
from runlake.store.folder_store import FolderStore
from runlake.store.opening.open import open_run
from trainer import Trainer

FORMATS = ("parquet", "csv", "arrow", "jsonl")
FEW_CELLS = 60
"""So few that a stream of the runs below is a dozen windows."""


def row_of(n):
    row = {"loss": n / 3, "count": n, "on": n % 2 == 0}
    row |= {"rare": n} if n % 7 == 3 else {}
    row |= {"mixed": "text" if n % 2 else n} if n > 20 else {}
    row |= {"joined": 2**53 + n if n == 5 else 0.5} if n % 5 == 0 else {}
    row |= {"late": {"deep": [n, None]}} if n > 70 else {}
    return row


@pytest.fixture
def runs(make_run):
    make_run("long", rows=[row_of(n) for n in range(90)], console=[{"line": n, "text": f"line {n}"} for n in range(40)])
    make_run("short", rows=[{"loss": 1}], at_s=3)


def both(export, tmp_path, content, **options):
    export(tmp_path / "whole", **options)
    export(tmp_path / "windows", whole_cells=FEW_CELLS, **options)
    return content(tmp_path / "windows"), content(tmp_path / "whole")


@pytest.mark.usefixtures("runs")
@pytest.mark.parametrize("format", FORMATS)
def test_a_long_run_has_the_same_bytes_however_it_is_read(format, service, local, export, tmp_path, content):
    found, expected = both(export, tmp_path, content, format=format, service=service)
    assert found == expected
    list(local.seal("ann", "digits"))
    export(tmp_path / "sealed", whole_cells=FEW_CELLS, format=format, service=service)
    assert content(tmp_path / "sealed") == expected


@pytest.mark.usefixtures("runs")
@pytest.mark.parametrize("options", [{"keys": ["loss"]}, {"shape": "long"}, {"samples": 4}, {"streams": ["console"]}])
def test_what_needs_a_look_at_all_rows_has_it(options, export, tmp_path, content):
    found, expected = both(export, tmp_path, content, **options)
    assert found == expected


def test_rows_of_several_writers_are_put_in_order(root, local, export, tmp_path, content):
    store, path = FolderStore(root), RunPath("ann", "digits", "shared")
    writers = [open_run(store, path, {}, is_shared=True).writer for _ in range(2)]
    for n in range(60):
        for place, writer in enumerate(writers):
            writer.log({"n": n, f"w{place}": n}, step=n, timestamp=100.0 + n + place / 2, runtime=float(n))
    for writer in writers:
        writer.close()
    found, expected = both(export, tmp_path, content)
    assert found == expected


def test_a_run_that_goes_on_has_the_rows_of_its_snapshot(root, export, tmp_path):
    trainer = Trainer(root, "live", project="digits")
    for n in range(40):
        trainer.log(n=n)
    told = []

    def report(done, total):
        if not told:
            trainer.log(n=-1, new=1)
        told.append((done, total))

    options = {"whole_cells": FEW_CELLS, "report": report, "streams": ["history"]}
    export(tmp_path / "out", **options)
    trainer.opened.writer.close()
    lines = (tmp_path / "out/history/live.csv").read_text().splitlines()
    assert (lines[0], len(lines), lines[-1].endswith(",39")) == ("_step,_runtime,_timestamp,n", 41, True)


def test_a_run_that_begins_anew_meanwhile_is_there_as_it_was(make_run, export, tmp_path, content):
    rows = [row_of(n) for n in range(90)]
    make_run("long", rows=rows)
    export(tmp_path / "before")

    def report(done, total):
        if done == 0:
            make_run("long", rows=rows[:50], at_s=500)

    assert export(tmp_path / "out", whole_cells=FEW_CELLS, report=report).problems == ()
    assert content(tmp_path / "out") == content(tmp_path / "before")
