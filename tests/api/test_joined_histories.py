"""The rows of many runs as one frame: whatever they have, it is that of each run, one behind the other."""

import pandas as pd
import pytest

from runlake.api.api import Api
from runlake.service.local.service import LocalService
from written_run import write_run

ALIKE = {f"r{number}": [{"loss": number + n / 4, "n": n} for n in range(number + 1)] for number in (2, 0, 1)}
PROJECTS = {
    "all have every key in every row": ALIKE,
    "ids differ in length": {**ALIKE, "much longer": [{"loss": 9.0, "n": 9}], "ö": [{"loss": 8.0, "n": 8}]},
    "one has it in some rows": {**ALIKE, "gaps": [{"loss": 1.0, "n": 1}, {"other": 2}]},
    "one lacks a key": {**ALIKE, "lacks": [{"n": 1}]},
    "one has text": {**ALIKE, "text": [{"loss": "none", "n": 1}]},
    "one has no rows": {**ALIKE, "empty": []},
}


@pytest.fixture(params=["apart", "merged"])
def project(request, tmp_path):
    """Writes runs of ann/p; answers the Api of the store."""
    apis = []

    def write(runs):
        for place, (run_id, rows) in enumerate(runs.items()):
            write_run(tmp_path, f"ann/p/{run_id}", rows=rows, at_s=place)
        service = LocalService(tmp_path, default_entity="ann")
        if request.param == "merged":
            list(service.seal("ann", "p"))
            list(service.pack_runs("ann", "p", at_once=True))
        apis.append(Api(service=service))
        return apis[-1]

    yield write
    for api in apis:
        api.close()


@pytest.mark.filterwarnings("ignore:.*has no key")
@pytest.mark.parametrize("order", ["+created_at", "-created_at"])
@pytest.mark.parametrize("name", PROJECTS)
def test_a_frame_of_many_runs_has_the_rows_of_each(name, order, project):
    api = project(PROJECTS[name])
    runs = api.runs("ann/p", order=order)
    for keys in (["loss"], ["n", "loss", "_timestamp"]):
        each = [(run.id, run.history(samples=None, keys=keys)) for run in runs]
        expected = pd.concat([frame.assign(run_id=run_id) for run_id, frame in each if len(frame)], ignore_index=True)
        expected = expected[["run_id", *expected.columns.drop("run_id")]]
        frame = runs.histories(samples=None, keys=keys, format="pandas")
        pd.testing.assert_frame_equal(frame, expected)
        frame.loc[0, "loss"] = 1  # it is the caller's
