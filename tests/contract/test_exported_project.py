"""A project as a folder, out of every kind of store: whole, proved, and brought up to date."""

import pyarrow.parquet as pq
import pytest

from runlake.bulk.export import export_folder
from runlake.bulk.options import options_of
from runlake.bulk.verify import verify_folder

STRANGE = '_step.x/y"z'


def test_an_export_is_whole_proved_and_brought_up_to_date(service, train, tmp_path):
    for number in range(3):
        trainer = train(f"r{number}")
        for step in range(5):
            trainer.log(**{"loss": step / 3, "Loss": number, STRANGE: step, "mixed": "text" if step % 2 else step})
        trainer.finish()
    train("goes-on").log(loss=1.0)
    options = options_of(format="parquet")
    done = export_folder(service, "ann", "mnist", tmp_path / "out", options)
    assert (done.written_count, done.problems, done.manifest.totals["history"]) == (4, (), 16)
    table = pq.read_table(tmp_path / "out/history/r1.parquet")
    assert table.drop_columns(["_runtime", "_timestamp"]).to_pydict() == {
        "_step": list(range(5)),
        "loss": [step / 3 for step in range(5)],
        "Loss": [1] * 5,
        STRANGE: list(range(5)),
        "mixed": ["0", "text", "2", "text", "4"],
    }
    assert verify_folder(tmp_path / "out", service, is_deep=True).is_whole
    train("r9").log(loss=2.0).finish()
    again = export_folder(service, "ann", "mnist", tmp_path / "out", options)
    assert (again.written_count, again.kept_count) == (1, 4)


def test_a_run_that_is_deleted_meanwhile_is_named_and_the_others_are_there(service, train, tmp_path):
    for number in range(3):
        train(f"r{number}").log(loss=number).finish()
    doomed = [run.path for run in service.list_runs("ann", "mnist").runs if run.run_id == "r1"]

    def delete(done, total):
        while doomed:
            service.delete_run(doomed.pop())

    with pytest.warns(UserWarning, match="r1 is not whole"):
        done = export_folder(service, "ann", "mnist", tmp_path / "out", options_of(format="csv"), report=delete)
    assert [problem.partition(":")[0] for problem in done.problems] == ["run r1"]
    assert done.manifest.totals["history"] == 2
