"""An export of some rows of each run says that it is one."""

import pyarrow.parquet as pq
import pytest

from runlake.bulk.verify import verify_folder
from runlake.errors import BadValueError, ConflictError

pytestmark = pytest.mark.usefixtures("project")


def test_samples_are_rows_of_the_history_the_first_and_the_last_among_them(service, export, tmp_path):
    done = export(tmp_path / "out", service=service, format="parquet", samples=5)
    runs = {run.run_id: {file.kind: file for file in run.files} for run in done.manifest.runs}
    steps = pq.read_table(tmp_path / "out/history/A1~1.parquet")["_step"].to_pylist()
    assert (len(steps), steps[0], steps[-1]) == (5, 0, 49)
    sampled, whole = runs["A1"]["history"], runs["a1"]["history"]
    assert (sampled.row_count, sampled.source_row_count, sampled.last_step) == (5, 50, 49)
    assert (whole.row_count, whole.source_row_count) == (3, None)
    assert (done.manifest.options.samples, done.manifest.totals["history"]) == (5, 8)
    assert verify_folder(tmp_path / "out", service, is_deep=True).is_whole


def test_sampled_and_whole_do_not_share_a_folder(export, tmp_path):
    export(tmp_path / "out", samples=5)
    with pytest.raises(ConflictError, match="5 samples"):
        export(tmp_path / "out")
    with pytest.raises(BadValueError, match="samples"):
        export(tmp_path / "out", samples=0)
