"""What `runlake export --to wandb-offline` leaves, the real `wandb sync` sends to our server as it was here."""

from pathlib import Path

import pytest
from full_run import PATH as FULL
from full_run import full_store

import runlake
from runlake.artifact_model import CollectionPath
from runlake.exporters.trackers import export_runs
from runlake.importers.bring import bring
from runlake.importers.wandb_offline import read
from runlake.model import RunPath
from runlake.service.local.service import LocalService

MADE_BY_THE_CLIENT = {"config.yaml", "wandb-summary.json", "wandb-metadata.json", "requirements.txt", "output.log"}
PATH = RunPath("ada", "sent", "offline2")


@pytest.fixture(scope="module")
def stores(seat, tmp_path_factory):
    """The store of a run that the client made, and that of the server to which its export was sent."""
    done = seat.run(Path(__file__).parent / "offline_training.py", PATH.run_id)
    (made,) = (done.folder.parent / f"{done.folder.name}-home").glob("**/offline-run-*")
    there = LocalService(tmp_path_factory.mktemp("there") / "store", default_entity="ada")
    (foreign,) = read(made)
    bring(there, PATH, foreign)
    send(seat, there, PATH, tmp_path_factory.mktemp("exported"))
    return there, seat.service()


def send(seat, service, path, folder):
    ((_, written),) = export_runs(service, [service.read_run(path)], folder, "wandb-offline")
    process = seat.start(None, "sync", written.place, command="wandb", folder=folder)
    printed, complaints = process.communicate(timeout=120)
    assert process.returncode == 0, printed + complaints
    return printed + complaints


def rows(service, path):
    found = list(runlake.Api(service=service).run(str(path)).scan_history())
    return [{key: "nan" if value != value else value for key, value in row.items()} for row in found]


def same(stores, path):
    there, here = (rows(service, path) for service in stores)
    assert here == there
    there, here = (service.read_run(path) for service in stores)
    named = "name state tags notes group job_type row_count exit_code event_count"
    assert {name: getattr(here, name) for name in named.split()} == {
        name: getattr(there, name) for name in named.split()
    }
    assert {key: value for key, value in here.config.items() if key != "_wandb"} == there.config
    assert set(here.metric_rules) >= set(there.metric_rules)  # the client makes rules of those with a glob
    there_summary, here_summary = (
        {key: "nan" if value != value else value for key, value in run.summary.items()} for run in (there, here)
    )
    assert here_summary == there_summary
    assert [alert.title for alert in here.alerts] == [alert.title for alert in there.alerts]
    lines = [[(line.level, line.text) for line in service.read_console(path)] for service in stores]
    assert sorted(lines[0], key=str) == sorted(lines[1], key=str)
    files = [
        {file.name: file.md5 for file in service.list_files(path) if file.name not in MADE_BY_THE_CLIENT}
        for service in stores
    ]
    assert files[0] == files[1]


def test_a_run_of_the_client_is_the_same_again(stores):
    same(stores, PATH)


def test_artifacts_are_the_same_versions(stores):
    path = CollectionPath(*PATH[:2], "model")
    there, here = (service.list_artifacts(path) for service in stores)
    named = ["version", "digest", "type", "aliases", "tags", "description", "metadata", "created_by", "size_bytes"]
    assert [{name: getattr(one, name) for name in named} for one in here] == [
        {name: getattr(one, name) for name in named} for one in there
    ]
    assert len(here) == 2


def test_a_run_of_ours_is_the_same_again(seat, tmp_path):
    there = full_store(tmp_path)
    info = there.read_run(FULL)
    send(seat, there, info.path, tmp_path / "exported")
    same((there, LocalService(seat.store, default_entity="ann")), FULL)
