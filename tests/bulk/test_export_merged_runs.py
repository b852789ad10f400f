"""Runs that share files are read together: their files are those of a reading run by run."""

import pytest

from runlake.bulk.export import export_folder
from runlake.bulk.options import options_of
from runlake.model import RunPath

RUN_COUNT = 12


@pytest.fixture
def runs(make_run):
    for number in range(RUN_COUNT):
        rows = [{"loss": n / 3 + number, "n": n, **({"rare": "x"} if n % 5 == number % 5 else {})} for n in range(20)]
        rows += [{"only" + str(number % 3): [number]}] if number % 2 else []
        make_run(f"r{number:02}", rows=rows, console=[{"line": 0, "text": str(number)}], at_s=number)


def exported(service, folder, **options):
    return export_folder(service, "ann", "digits", folder, options_of(**options), worker_count=2)


def merge(service):
    list(service.seal("ann", "digits"))
    assert len(list(service.pack_runs("ann", "digits", at_once=True))) == RUN_COUNT


@pytest.mark.slow
@pytest.mark.parametrize(
    "options",
    [
        {"format": "parquet"},
        {"format": "csv", "keys": ["loss", "_timestamp"]},
        {"format": "jsonl"},
        {"format": "parquet", "shape": "long"},
        {"format": "csv", "samples": 7},
    ],
)
def test_merged_runs_have_the_bytes_that_they_had_before(runs, local, service, tmp_path, content, options):
    exported(local, tmp_path / "apart", **options)
    merge(local)
    exported(service, tmp_path / "merged", **options)
    assert content(tmp_path / "merged") == content(tmp_path / "apart")


def test_a_merged_run_that_is_deleted_meanwhile_is_named_and_the_others_are_there(runs, local, tmp_path, content):
    exported(local, tmp_path / "before", format="csv")
    merge(local)
    doomed = [RunPath("ann", "digits", "r03")]

    def delete(done, total):
        while doomed:
            local.delete_run(doomed.pop())

    with pytest.warns(UserWarning, match="r03 is not whole"):
        done = export_folder(local, "ann", "digits", tmp_path / "out", options_of(format="csv"), report=delete)
    assert [problem.partition(":")[0] for problem in done.problems] == ["run r03"] * 2
    before, after = content(tmp_path / "before"), content(tmp_path / "out")
    lost = {"history/r03.csv", "console/r03.csv"}
    assert before.keys() - after.keys() == lost
    assert {path for path in after if before[path] != after[path]} == {"manifest.json"}
