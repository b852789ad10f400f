"""A run as W&B's client leaves it offline: our own import of that is the run again."""

import pytest
from full_run import PATH, full_store, values_of

from runlake.exporters.trackers import export_runs
from runlake.exporters.wandb_log import LogWriter
from runlake.importers.bring import bring
from runlake.importers.wandb_log import read_records
from runlake.importers.wandb_offline import find_logs, read
from runlake.service.local.service import LocalService


@pytest.fixture(scope="module")
def stores(tmp_path_factory):
    """The store of the run, the one of its import, the folder between them, and what the export told."""
    there = full_store(tmp_path_factory.mktemp("full"))
    folder = tmp_path_factory.mktemp("offline")
    ((_, written),) = export_runs(there, [there.read_run(PATH)], folder, "wandb-offline")
    here = LocalService(tmp_path_factory.mktemp("back") / "store", default_entity="ann")
    (foreign,) = read(folder)
    return there, here, folder, written, bring(here, PATH, foreign)


def test_it_is_whole(stores):
    *_, written, brought = stores
    assert (written.row_count, written.lost) == (41, {})
    assert (brought.is_whole, brought.is_ended, brought.lost) == (True, True, {})


def test_values_are_the_same_to_the_last_bit(stores):
    there, here, *_ = stores
    for stream in ("history", "events"):
        # As text, since NaN is not equal to itself.
        assert str(sorted(values_of(here, PATH, stream).items())) == str(sorted(values_of(there, PATH, stream).items()))
    axes = [service.read_history(PATH) for service in (there, here)]
    assert axes[0].step.tolist() == axes[1].step.tolist()
    assert axes[0].timestamp.tolist() == axes[1].timestamp.tolist()
    assert axes[0].runtime.tolist() == axes[1].runtime.tolist()
    lines = [[(line.text, line.level) for line in service.read_console(PATH)] for service in (there, here)]
    assert lines[0] == lines[1]


def test_what_is_known_of_it_is_the_same(stores):
    there, here = (service.read_run(PATH) for service in stores[:2])
    names = "name notes tags group job_type host config state exit_code created_at metric_rules runtime_s"
    for name in names.split():
        assert getattr(here, name) == getattr(there, name), name
    assert str(sorted(here.summary.items())) == str(sorted(there.summary.items()))
    assert [(alert.title, alert.text, alert.level) for alert in here.alerts] == [("careful", "it is hot", "WARN")]
    files = [{file.name: file.md5 for file in service.list_files(PATH)} for service in stores[:2]]
    assert files[0] == files[1]


def test_a_second_export_gives_the_same_bytes(stores):
    there, _, folder, *_ = stores
    (log,) = find_logs(folder)
    before = log.read_bytes()
    list(export_runs(there, [there.read_run(PATH)], folder, "wandb-offline"))
    assert log.read_bytes() == before


@pytest.mark.parametrize("size", [32_700, 32_740, 32_746, 32_747, 32_748, 32_749, 32_754, 32_760, 70_000])
def test_records_are_parted_where_blocks_end(tmp_path, size):
    place = tmp_path / "run.wandb"
    records = [b"x" * size, b"y", b"z" * 40_000]
    with place.open("wb") as file:
        log = LogWriter(file)
        for record in records:
            log._write(record)
    problems = []
    with place.open("rb") as file:
        assert list(read_records(file, problems)) == records
    assert problems == []
