"""An import of a W&B run whose process is killed and begun again is one that was never killed."""

import os
import signal
import sys
from pathlib import Path

import pytest
from imported import Imports
from wandb_bytes import (
    ALERT,
    CONFIG,
    EXIT,
    METRIC,
    OUTPUT,
    STATS,
    SUMMARY,
    field,
    history,
    items,
    log,
    record,
    run,
    timestamp,
)

import warm
from runlake.store import disk

SOURCE = Path(__file__).parents[2] / "src"
STEPS = ("create", "write", "replace")
ROW_COUNT = 90
KILLED = """
import os, signal, sys
from pathlib import Path
from runlake.importers.bring import bring
from runlake.importers.wandb_offline import read
from runlake.model import RunPath
from runlake.service.local.service import LocalService
from runlake.store import disk

home, source, number = sys.argv[1:]
steps = []

def watcher(step, place):
    if step in ("create", "write", "replace"):
        steps.append(step)
        if len(steps) == int(number):
            os.kill(os.getpid(), signal.SIGKILL)

with disk.watched(watcher):
    for foreign in read(Path(source)):
        path = RunPath("ann", "p", foreign.run_id)
        bring(LocalService(Path(home), default_entity="ann"), path, foreign, batch_rows=20)
"""


@pytest.fixture
def source(tmp_path):
    """A run that has one of everything."""
    folder = tmp_path / "wandb" / "offline-run-20260101_000000-abc"
    (folder / "files" / "media").mkdir(parents=True)
    (folder / "files" / "media" / "a.png").write_bytes(b"png")
    (folder / "files" / "b.txt").write_bytes(b"text")
    said = [run(name="calm", config={"lr": 0.1}.items()), record(METRIC, field(1, "loss") + field(7, field(1, 1)))]
    for step in range(ROW_COUNT):
        said += [record(SUMMARY, items({"loss": step})), history(step, loss=step, text=f"row {step}")]
        if step % 10 == 5:
            said.append(record(CONFIG, items({"seen": step})))
            said.append(record(OUTPUT, field(1, 1) + field(2, timestamp(1001)) + field(3, f"line {step}\n")))
            said.append(record(STATS, field(2, timestamp(1002.5)) + items({"cpu": step}, number=3)))
    said.append(record(ALERT, field(1, "careful") + field(2, "it is hot") + field(3, "WARN")))
    (folder / "run-abc.wandb").write_bytes(log([*said, record(EXIT, field(1, 3))]))
    return folder


def everything(imports):
    (path,) = imports.paths().values()
    info = imports.service.read_run(path)
    facts = (info.state, info.exit_code, info.config, info.summary, info.row_count, info.created_at, info.metric_rules)
    alerts = [(alert.title, alert.text, alert.level) for alert in info.alerts]
    rows = [imports.rows("calm", stream) for stream in ("history", "events")]
    return facts, alerts, rows, imports.times("calm"), imports.lines("calm"), imports.files("calm")


@pytest.mark.parametrize("share", [0.02, 0.3, 0.6, 0.9])
def test_it_goes_on_to_what_it_would_have_been(tmp_path, source, share):
    steps, whole = [], Imports(tmp_path / "whole")
    with disk.watched(lambda step, _: steps.append(step) if step in STEPS else None):
        assert whole.take(source) == ["new"]
    command = [sys.executable, "-c", KILLED, str(tmp_path / "killed"), str(source), str(1 + int(share * len(steps)))]
    environment = {**os.environ, "PYTHONPATH": str(SOURCE)}
    assert warm.run(command, env=environment, check=False).returncode == -signal.SIGKILL
    killed = Imports(tmp_path / "killed")
    assert killed.take(source) == ["continued" if share > 0.1 else "new"]
    assert killed.lost() == whole.lost()
    assert everything(killed) == everything(whole)
    assert killed.take(source) == ["same"]
