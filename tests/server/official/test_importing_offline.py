"""What `runlake import` makes of an offline run is what `wandb sync` sends of it to our server."""

import json
from pathlib import Path

import pytest

import runlake
from runlake.artifact_model import CollectionPath
from runlake.importers.bring import bring
from runlake.importers.wandb_offline import read
from runlake.model import RunPath
from runlake.service.local.service import LocalService

pytestmark = pytest.mark.integration

PATH = RunPath("ada", "kept", "offline1")
MADE_BY_THE_CLIENT = {"config.yaml", "wandb-summary.json", "wandb-metadata.json"}


@pytest.fixture(scope="module")
def stores(seat, tmp_path_factory):
    done = seat.run(Path(__file__).parent / "offline_training.py", PATH.run_id)
    (folder,) = (done.folder.parent / f"{done.folder.name}-home").glob("**/offline-run-*")
    imported = LocalService(tmp_path_factory.mktemp("imported") / "store", default_entity="ada")
    brought = [bring(imported, PATH._replace(run_id=foreign.run_id), foreign) for foreign in read(folder)]
    sent = seat.start(None, "sync", str(folder), command="wandb", folder=done.folder)
    printed, complaints = sent.communicate(timeout=120)
    assert sent.returncode == 0, printed + complaints
    return imported, seat.service(), brought


def test_it_is_whole(stores):
    (brought,) = stores[2]
    assert (brought.outcome, brought.is_whole, brought.is_ended, brought.lost) == ("new", True, True, {})
    assert brought.read_counts["history"] == 201


def test_rows_config_and_summary_are_those_that_were_sent(stores):
    imported, sent = ([dict(row) for row in rows(service)] for service in stores[:2])
    # As text, since NaN is not equal to itself; the client hands out the parts of a value in any order.
    assert json.dumps(imported, sort_keys=True) == json.dumps(sent, sort_keys=True)
    ours, theirs = (service.read_run(PATH) for service in stores[:2])
    named = ("name", "state", "tags", "notes", "group", "job_type", "row_count", "exit_code")
    assert {name: getattr(ours, name) for name in named} == {name: getattr(theirs, name) for name in named}
    assert ours.config == {key: value for key, value in theirs.config.items() if key != "_wandb"}
    assert json.dumps(ours.summary, sort_keys=True) == json.dumps(theirs.summary, sort_keys=True)
    assert [(alert.title, alert.text) for alert in ours.alerts] == [("careful", "it is hot")]


def test_files_and_printed_lines_come_along(stores):
    imported, sent = ({file.name: file.md5 for file in service.list_files(PATH)} for service in stores[:2])
    assert {name: md5 for name, md5 in imported.items() if name not in MADE_BY_THE_CLIENT} == {
        name: md5 for name, md5 in sent.items() if name not in MADE_BY_THE_CLIENT
    }
    printed = [line.text for line in stores[0].read_console(PATH) if not line.text.startswith("wandb: ")]
    assert printed == ["printed"]


def test_artifacts_are_the_versions_that_were_sent(stores):
    model = CollectionPath(*PATH[:2], "model")
    ours, theirs = (service.list_artifacts(model) for service in stores[:2])
    named = ("version", "digest", "type", "aliases", "tags", "description", "metadata", "created_by", "size_bytes")
    assert [{name: getattr(one, name) for name in named} for one in ours] == [
        {name: getattr(one, name) for name in named} for one in theirs
    ]
    assert len(ours) == 2
    for version in ("v0", "v1"):
        manifests = [service.read_manifest(model.at(version)) for service in stores[:2]]
        assert manifests[0] == manifests[1]
        contents = [service.open_content(model.at(version), "a/weights.txt") for service in stores[:2]]
        assert len({content.read() for content in contents}) == 1
        for content in contents:
            content.close()


def rows(service):
    for row in runlake.Api(service=service).run(str(PATH)).scan_history():
        yield {key: row[key] for key in sorted(row) if key != "_runtime"}
