"""What Aim has tracked is here: values, contexts, epochs, times, and what is known of a run."""

import hashlib
import json
import math
import shutil
from pathlib import Path

import pytest
from peer_seats import peer_python, run_script

from runlake.errors import CommError
from runlake.importers.aim import is_of, read
from runlake.importers.bring import bring
from runlake.importers.foreign import LeftOut
from runlake.model import RunPath
from runlake.service.local.service import LocalService


@pytest.fixture(scope="module")
def repository(tmp_path_factory):
    home = tmp_path_factory.mktemp("aim")
    folder = home / "tracked"
    folder.mkdir()
    *_, last = run_script("aim", "track_with_aim.py", folder, home=home).splitlines()
    return folder, last.split()


@pytest.fixture(scope="module")
def service(tmp_path_factory):
    return LocalService(tmp_path_factory.mktemp("brought") / "store", default_entity="ann")


@pytest.fixture(scope="module")
def brought(repository, service):
    return bring_all(repository[0], service)


def bring_all(folder, service):
    found = read(folder, str(peer_python("aim")))
    done = [bring(service, RunPath("ann", run.project or "none", run.run_id), run) for run in found]
    return {each.path.run_id: each for each in done}


def digests(folder):
    files = sorted(file for file in folder.rglob("*") if file.is_file() and "/meta/chunks/" in str(file))
    return {str(file): hashlib.sha256(file.read_bytes()).hexdigest() for file in files}


def test_runs_are_whole_in_the_projects_that_their_experiments_are(repository, brought):
    calm, other = (brought[name] for name in repository[1])
    assert (calm.path.project, calm.outcome, calm.is_whole, calm.is_ended, calm.lost) == (
        "digits", "new", True, True, {},
    )  # fmt: skip
    assert calm.read_counts == {"history": 100}
    assert (other.path.project, other.is_whole) == ("default", True)
    assert other.lost.keys() == {"environment variable"}


def test_values_stand_at_their_steps_with_their_contexts(repository, brought, service):
    path = brought[repository[1][0]].path
    history = service.read_history(path)
    found = {series.key: series for series in history.series}
    assert history.step.tolist() == list(range(100))
    assert found["loss[subset=train]"].values.to_pylist() == [1 / (step + 1) for step in range(100)]
    assert found["acc[fold=1,subset=val]"].values.to_pylist() == [step / 100 for step in range(0, 100, 10)]
    assert found["acc[fold=1,subset=val]"].positions(100).tolist() == list(range(0, 100, 10))
    assert found["epoch"].values.to_pylist() == [step // 10 for step in range(100)]
    assert math.isnan(found["odd"].values.to_pylist()[0])
    assert found["said"].values.to_pylist() == ["hello"]
    assert json.loads(found["spread"].values.to_pylist()[0])["values"] == [2, 2, 2, 2, 2]
    assert json.loads(found["picture"].values.to_pylist()[0])["captions"] == ["black"]
    assert all(0 < at - service.read_run(path).created_at < 60 for at in history.timestamp.tolist())


def test_what_is_known_of_a_run_comes_along(repository, brought, service):
    run = service.read_run(brought[repository[1][0]].path)
    assert (run.name, run.notes, run.tags, run.state) == ("calm", "a note", ("good",), "finished")
    assert run.config == {"hparams": {"lr": 0.1, "layers": [1, 2]}}


def test_system_metrics_printed_lines_and_the_environment_come_along(repository, brought, service):
    path = brought[repository[1][1]].path
    events = service.read_history(path, stream="events")
    assert r"system\.cpu" in {series.key for series in events.series}
    assert "printed" in [line.text for line in service.read_console(path)]
    with service.open_file(path, "aim-system-params.json") as content:
        assert "env_variables" not in json.load(content)


def test_a_second_import_changes_nothing_and_neither_changes_the_repository(repository, brought, service):
    before = digests(repository[0])
    again = bring_all(repository[0], service)
    assert {each.outcome for each in again.values()} == {"same"}
    assert all(each.is_whole for each in again.values())
    assert digests(repository[0]) == before


def test_a_repository_is_recognised(repository, tmp_path):
    assert is_of(repository[0])
    assert is_of(Path(repository[0], ".aim"))
    assert not is_of(tmp_path)


def damaged(repository, tmp_path, kind):
    """The repository with the values, or what is known, of its oldest run turned over."""
    folder, (oldest, _) = repository
    copy = tmp_path / "damaged"
    shutil.copytree(folder, copy)
    (file,) = (copy / ".aim" / kind / "chunks" / oldest).glob("*.sst")
    file.write_bytes(bytes(byte ^ 0xFF for byte in file.read_bytes()))
    return copy


def test_a_run_of_which_nothing_can_be_read_is_named_and_the_next_ones_come(repository, service, tmp_path):
    copy = damaged(repository, tmp_path, "meta")
    oldest, other = repository[1]
    runs = read(copy, str(peer_python("aim")))
    left = next(runs)
    assert isinstance(left, LeftOut)
    assert (left.place, left.what, left.is_damage) == (str(copy), "run", True)
    assert left.why.startswith(f"{oldest}: Aim ")
    assert "Corruption" in left.why
    assert bring(service, RunPath("ann", "beside", other), next(runs)).is_whole
    assert list(runs) == []


def test_a_run_whose_values_cannot_be_read_is_named_and_the_next_ones_come(repository, service, tmp_path):
    copy = damaged(repository, tmp_path, "seqs")
    oldest, other = repository[1]
    runs = read(copy, str(peer_python("aim")))
    with pytest.raises(CommError, match=rf"damaged \({oldest}\): Aim .*Corruption"):
        bring(service, RunPath("ann", "torn", oldest), next(runs))
    assert bring(service, RunPath("ann", "torn", other), next(runs)).is_whole
    assert list(runs) == []
