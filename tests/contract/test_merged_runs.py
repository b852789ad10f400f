"""Runs that share files answer every verb as they did before, through every way to a store."""

import numpy as np
import pytest
from msgspec.structs import asdict

from runlake.model import RunEdit, RunPath
from runlake.query.many.blocks import histories_in_order
from runlake.query.tiles.question import TilesQuery

KEYS = ["loss", "mixed", "text"]


@pytest.fixture
def service(service, train):
    for number in range(4):
        trainer = train(f"r{number}", config={"lr": number / 10})
        for n in range(8):
            mixed = {"mixed": f"m{n}"} if n % 3 == number % 3 else {"mixed": n}
            trainer.log(loss=number + n / 8, **(mixed if n % 2 else {"text": f"t{n}"}))
        trainer.print(0, f"hello {number}").finish()
    list(service.seal("ann", "mnist"))
    return service


def plain(part):
    if isinstance(part, np.ndarray):
        return part.tolist()
    return [plain(one) for one in part] if isinstance(part, tuple) else part


def rows_of(history):
    series = [(one.key, one.lane, plain(one.rows), one.values.to_pylist()) for one in history.series]
    return history.step.tolist(), plain(history.timestamp), plain(history.runtime), series


def told(service):
    """What is answered of the runs, whole and one by one."""
    infos = service.list_runs("ann", "mnist", order=("+display_name",)).runs
    paths = [info.path for info in infos]
    together = histories_in_order(service.read_histories("ann", "mnist", keys=KEYS), [path.run_id for path in paths])
    tiles = service.read_tiles("ann", "mnist", TilesQuery(keys=KEYS, order=("+created_at",)))
    return {
        "runs": infos,
        "together": [(run_id, rows_of(history)) for run_id, history in together],
        "rows": [rows_of(service.read_history(path)) for path in paths],
        "console": [rows_of(service.read_history(path, stream="console")) for path in paths],
        "samples": [rows_of(service.sample_history(path, "loss", samples=3)) for path in paths],
        "keys": [service.list_keys(path) for path in paths],
        "outlines": [service.outline_history(path) for path in paths],
        "values": [service.read_values(path, "mixed", offset=2, limit=3) for path in paths],
        "lines": [{name: plain(value) for name, value in asdict(one).items()} for one in tiles.series],
    }


def test_every_verb_answers_as_before(service):
    before = told(service)
    assert len(list(service.pack_runs("ann", "mnist", at_once=True))) == 4
    assert told(service) == before
    assert list(service.pack_runs("ann", "mnist", at_once=True)) == []


@pytest.mark.slow
def test_runs_are_edited_deleted_and_restored_one_by_one(service):
    list(service.pack_runs("ann", "mnist", at_once=True))
    before = told(service)
    path = RunPath("ann", "mnist", "r1")
    service.delete_run(path)
    assert [run_id for run_id, _ in told(service)["together"]] == ["r0", "r2", "r3"]
    service.restore_run(path)
    assert told(service) == before
    service.edit_run(path, RunEdit(config_set={"lr": 0.5}))
    assert (service.read_run(path).config, told(service)["rows"]) == ({"lr": 0.5}, before["rows"])
