"""Sixty-four processes with the real SDK in one project, and readers in other processes all the while."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[2] / "src"
COUNT = 64

WRITER = """
import sys, runlake
run = runlake.init(entity="ann", project="p", id=f"run{sys.argv[2]}", store=sys.argv[1], config={"number": sys.argv[2]})
for i in range(500):
    run.log({"i": i, "x": i / 3})
run.finish()
"""

READER = """
import sys
from runlake import Api
seen = {}
while sum(state == "finished" for state, _ in seen.values()) < int(sys.argv[2]):
    try:
        runs = list(Api(sys.argv[1]).runs("ann/p"))
    except ValueError:
        continue  # the project is not there yet
    now = {run.id: (run.state, run.lastHistoryStep) for run in runs}
    assert len(now) == len(runs), "a run twice"
    assert seen.keys() <= now.keys(), f"lost: {seen.keys() - now.keys()}"
    for run, (state, step) in seen.items():
        assert now[run][1] >= step, f"{run} went back from {step} to {now[run]}"
        assert state != "finished" or now[run] == (state, 499), f"{run} was finished and is {now[run]}"
    seen = now
for run in Api(sys.argv[1]).runs("ann/p"):
    assert [row["i"] for row in run.scan_history(keys=["i"])] == list(range(500))
    assert run.config == {"number": run.id.removeprefix("run")}
"""


@pytest.mark.long
def test_sixty_four_processes_log_into_one_project_while_others_read(tmp_path):
    def start(script, *arguments):
        command = [sys.executable, "-W", "error", "-c", script, str(tmp_path / "store"), *map(str, arguments)]
        environment = {**os.environ, "PYTHONPATH": str(SOURCE), "RUNLAKE_SILENT": "true"}
        return subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True)

    readers = [start(READER, COUNT) for _ in range(2)]
    writers = [start(WRITER, number) for number in range(COUNT)]
    assert [(child.communicate()[1], child.returncode) for child in writers + readers] == [("", 0)] * (COUNT + 2)
