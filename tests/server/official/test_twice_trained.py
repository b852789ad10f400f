"""One program, with the official client before our server and with ours without one: the stores say the same.

What may differ stands in the tests, and in docs/guide/wandb-clients.md. Whole floats come as ints through the official
client: its side process writes them so, and nobody can tell any more.
"""

import os
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
from seat import Done

import runlake
from runlake.model import RunPath
from runlake.service.local.service import LocalService

SCRIPT = Path(__file__).parent / "twice_trained.py"
PROJECT = "twice"
OF_THE_MOMENT = {"_timestamp", "_runtime", "_wandb"}
OF_EVERY_RUN = {"config.yaml", "requirements.txt", "wandb-metadata.json", "wandb-summary.json"}
ENDS = {"raises": 1, "exits": 7, "exits-well": 0, "interrupted": None}


@dataclass
class Twice:
    """Both stores, and what the processes that ended in some way left with."""

    official: Path
    ours: Path
    ended: dict

    def pair(self, run_id):
        return [runlake.Api(str(store)).run(f"ada/{PROJECT}/{run_id}") for store in self.stores]

    def services(self):
        return [LocalService(store, default_entity="ada") for store in self.stores]

    @property
    def stores(self):
        return self.official, self.ours


@pytest.fixture(scope="module")
def twice(seat, tmp_path_factory):
    home = tmp_path_factory.mktemp("twice")
    path = [str(Path(part).absolute()) for part in os.environ.get("PYTHONPATH", "").split(os.pathsep) if part]
    ours = {"PYTHONPATH": os.pathsep.join(path), "RUNLAKE_DIR": str(home / "store"), "RUNLAKE_SEAL": "off"}

    def start_ours(way):
        folder = home / way
        folder.mkdir()
        command = [sys.executable, "-m", "runlake", "exec", str(SCRIPT), way]
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        return subprocess.Popen(command, cwd=folder, env=os.environ | ours, text=True, encoding="utf-8", **pipes)

    starters = {"official": lambda way: seat.start(SCRIPT, way), "ours": start_ours}
    started = {(by, way): start(way) for way in ("ends", *ENDS) for by, start in starters.items()}
    for by in starters:
        waiting = started[by, "interrupted"]
        assert waiting.stdout.readline() == "waiting\n"
        waiting.send_signal(signal.SIGINT)
    ended = {}
    for (by, way), process in started.items():
        printed, complaints = process.communicate(timeout=120)
        ended[by, way] = Done(process.returncode, printed, complaints, home)
    for by in starters:
        assert ended[by, "ends"].code == 0, ended[by, "ends"].complaints
    return Twice(seat.store, home / "store", ended)


def rows_of(run):
    return [plain({key: row[key] for key in row if key not in OF_THE_MOMENT}) for row in run.scan_history()]


def plain(value):
    """A value whose whole floats are ints, and whose NaN equals another."""
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [plain(item) for item in value]
    if isinstance(value, float):
        return ["int", int(value)] if value.is_integer() and abs(value) < 2**63 else repr(value)
    return [type(value).__name__, value]


def summary_of(run):
    return plain({key: value for key, value in run.summary._json_dict.items() if key not in OF_THE_MOMENT})


@pytest.mark.parametrize("run_id", ["values", "steps", "metrics", "files", "media", "block", "code"])
def test_rows_summary_and_config_are_equal(twice, run_id):
    official, ours = twice.pair(run_id)
    assert rows_of(official) == rows_of(ours)
    assert summary_of(official) == summary_of(ours)
    assert plain(dict(official.config)) == plain(dict(ours.config))


@pytest.mark.parametrize("run_id", ["values", "steps", "metrics", "files", "media", "block", "code"])
def test_what_a_run_is_called_is_equal(twice, run_id):
    def about(run):
        fields = ("state", "name", "notes", "tags", "group", "job_type", "metadata", "lastHistoryStep", "exit_code")
        found = {field: getattr(run, field, None) for field in fields}
        found["name"] = found["name"].rstrip("0123456789")  # runs that begin at once are counted as they come
        found["metadata"] = {name: found["metadata"][name] for name in ("program", "args", "python", "host")}
        return found

    official, ours = map(about, twice.pair(run_id))
    assert official == ours


def test_a_step_that_goes_back_is_dropped_by_the_official_client_and_kept_by_ours(twice):
    official, ours = map(rows_of, twice.pair("back"))
    assert ours == [plain({"a": a, "_step": step}) for a, step in ((1, 5), (2, 3), (3, 6))]
    assert official == [ours[0], ours[2]]


def test_files_that_were_saved_are_equal(twice):
    for run_id in ("files", "media"):
        official, ours = ({file.name: file.md5 for file in run.files()} for run in twice.pair(run_id))
        assert set(official) | {"output.log"} == set(ours)
        assert set(official) >= OF_EVERY_RUN
        for name in set(official) - OF_EVERY_RUN - {"output.log"}:
            assert (name, official[name]) == (name, ours[name])
    official, _ = twice.pair("files")
    assert {"model.bin", "out/model.bin", "out/empty.txt", "out/späte datei.txt"} < {f.name for f in official.files()}


def test_console_lines_are_equal_but_for_what_the_libraries_say(twice):
    def lines(service):
        path = RunPath("ada", PROJECT, "files")
        found = [(line.level, line.text) for line in service.read_console(path)]
        warned = 'run.save("out/missing.txt")'  # the line of the program that Python shows below a warning
        return [
            (level, text)
            for level, text in found
            if not text.startswith(("wandb: ", "runlake: "))
            and "RunlakeWarning: " not in text
            and text.strip() != warned
        ]

    official, ours = map(lines, twice.services())
    assert official == ours
    assert (None, "progress 100 %") in official
    assert ("error", "to stderr") in official


@pytest.mark.parametrize(("way", "code"), ENDS.items())
def test_the_end_of_a_process_is_the_end_of_its_run(twice, way, code):
    official, ours = (twice.ended[by, way].code for by in ("official", "ours"))
    assert official == ours
    assert code in (None, official)
    states = [run.state for run in twice.pair(way)]
    assert states == ["finished" if code == 0 else "failed"] * 2
