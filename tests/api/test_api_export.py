"""A run, a project or a list of runs as a file."""

import io
import json
import math

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from runlake.api.export import ExportResult, export_project, export_run, export_runs_table
from runlake.errors import BadValueError, NotFoundError
from runlake.model import RunPath

ROWS = [{"a": 1, "s": "x"}, {"b": math.nan}, {"a": 2, "b": 0.5}]
PATH = RunPath("ann", "digits", "r1")


@pytest.fixture
def service(make_run, api):
    make_run(rows=ROWS, name="one")
    return api._service


def test_a_run_as_csv(service, tmp_path):
    steps = []
    place = tmp_path / "out.csv"
    result = export_run(service, PATH, place, format="csv", progress=lambda done, total: steps.append((done, total)))
    content = place.read_text()
    assert content == (
        "_step,_runtime,_timestamp,a,s,b\n"
        "0,1.0,1700000001.0,1,x,\n"
        "1,2.0,1700000002.0,,,NaN\n"
        "2,3.0,1700000003.0,2,,0.5\n"
    )
    assert result == ExportResult(3, ("_step", "_runtime", "_timestamp", "a", "s", "b"), len(content))
    assert steps == [(0, 3), (3, 3)]


def test_a_run_as_parquet_arrow_and_json_lines(service, tmp_path):
    for format in ("parquet", "arrow", "jsonl"):
        result = export_run(service, PATH, tmp_path / f"out.{format}", format=format)
        assert (result.row_count, result.size_bytes) == (3, (tmp_path / f"out.{format}").stat().st_size)
    table = pq.read_table(tmp_path / "out.parquet")
    assert str(table.to_pydict()) == str(pa.ipc.open_file(tmp_path / "out.arrow").read_all().to_pydict())
    assert table["a"].to_pylist() == [1, None, 2]
    lines = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text().splitlines()]
    assert lines[1] == {"_step": 1, "_runtime": 2.0, "_timestamp": 1_700_000_002.0, "b": {"$float": "NaN"}}


def test_keys_give_the_rows_that_have_one_of_them(service):
    out = io.BytesIO()
    export_run(service, PATH, out, format="csv", keys=["b", "s"])
    assert out.getvalue().decode() == "_step,s,b\n0,x,\n1,,NaN\n2,,0.5\n"


def test_samples_and_streams(make_run, api):
    make_run(rows=[{"a": i} for i in range(100)], events=[{"system.cpu": 1.5}])
    service = api._service
    assert export_run(service, PATH, io.BytesIO(), format="csv", samples=7).row_count == 7
    out = io.BytesIO()
    export_run(service, PATH, out, format="csv", keys=["system.cpu"], stream="events")
    assert out.getvalue() == b"_step,system.cpu\n0,1.5\n"


def test_a_long_file_has_a_row_for_each_value(service):
    out = io.BytesIO()
    result = export_run(service, PATH, out, format="csv", shape="long")
    assert out.getvalue().decode().splitlines()[:2] == [
        "key,lane,row,step,timestamp,value_f64,value_i64,value_bool,value_str,value_json",
        "a,i64,0,0,1700000001.0,,1,,,",
    ]
    assert result.row_count == 5
    for format in ("parquet", "arrow"):
        assert export_run(service, PATH, io.BytesIO(), format=format, shape="long").row_count == 5
    for options in ({"shape": "tall", "format": "csv"}, {"shape": "long", "format": "jsonl"}):
        with pytest.raises(BadValueError):
            export_run(service, PATH, io.BytesIO(), **options)


def test_a_run_that_cannot_be_exported_leaves_no_file(make_run, api, tmp_path):
    make_run(rows=[{f"k{i}": i for i in range(2001)}])
    with pytest.raises(BadValueError, match="2,001 keys"):
        export_run(api._service, PATH, tmp_path / "out.csv", format="csv")
    with pytest.raises(NotFoundError):
        export_run(api._service, PATH._replace(run_id="r9"), tmp_path / "out.csv", format="csv")
    with pytest.raises(BadValueError, match="format='xls'"):
        export_run(api._service, PATH, tmp_path / "out.csv", format="xls")
    assert not list(tmp_path.glob("*out.csv*"))
    assert export_run(api._service, PATH, io.BytesIO(), format="jsonl").row_count == 1


@pytest.fixture
def project(make_run, api):
    make_run("ann/digits/r1", rows=[{"a": 1, "m": 2**60}, {"a": 2}], name="one")
    make_run("ann/digits/r2", rows=[], name="two", at_s=5)
    make_run("ann/digits/r3", rows=[{"a": 0.5, "run_id": "mine", "m": 0.5}], name="three", at_s=9)
    return api._service


def test_a_project_is_the_rows_of_its_runs_under_the_columns_of_all(project, tmp_path):
    steps = []
    export_project(
        project, "ann", "digits", tmp_path / "p.csv", format="csv", progress=lambda *at: steps.append(at)
    )  # fmt: skip
    assert (tmp_path / "p.csv").read_text() == (
        "entity,project,run_id,name,_step,_runtime,_timestamp,a,m,\\run_id\n"
        "ann,digits,r1,one,0,1.0,1700000001.0,1.0,1152921504606846976,\n"
        "ann,digits,r1,one,1,2.0,1700000002.0,2.0,,\n"
        "ann,digits,r3,three,0,1.0,1700000010.0,0.5,0.5,mine\n"
    )
    assert steps == [(0, 3), (2, 3), (3, 3)]


def test_a_project_in_every_format_is_the_same_rows(project, tmp_path):
    for format in ("parquet", "arrow", "jsonl"):
        assert export_project(project, "ann", "digits", tmp_path / format, format=format).row_count == 3
    table = pq.read_table(tmp_path / "parquet")
    assert table.equals(pa.ipc.open_file(tmp_path / "arrow").read_all())
    assert table["run_id"].to_pylist() == ["r1", "r1", "r3"]
    lines = [json.loads(line) for line in (tmp_path / "jsonl").read_text().splitlines()]
    assert [(line["name"], line["a"]) for line in lines] == [("one", 1), ("one", 2), ("three", 0.5)]


def test_runs_of_few_rows_share_the_row_groups_of_a_parquet_file(make_run, api, tmp_path):
    for number in range(5):
        make_run(f"ann/digits/r{number}", rows=[{"a.b": number / 2, "n": number, "s": "x"}] * 3, at_s=number)
    export_project(api._service, "ann", "digits", tmp_path / "p", format="parquet")
    metadata = pq.read_metadata(tmp_path / "p")
    columns = (metadata.row_group(0).column(place) for place in range(metadata.num_columns))
    encodings = {column.path_in_schema: column.encodings for column in columns}
    assert metadata.num_row_groups == 1
    assert pq.read_table(tmp_path / "p")["a.b"].to_pylist() == [n / 2 for n in range(5) for _ in range(3)]
    for name, encoding in {"a.b": "BYTE_STREAM_SPLIT", "n": "DELTA_BINARY_PACKED", "run_id": "RLE_DICTIONARY"}.items():
        assert encoding in encodings[name]


def test_a_row_of_a_project_keeps_its_own_run_id_beside_that_of_the_run(project):
    out = io.BytesIO()
    export_project(project, "ann", "digits", out, format="jsonl", filters={"name": "three"})
    assert json.loads(out.getvalue()) == {
        "entity": "ann", "project": "digits", "run_id": "r3", "name": "three", "_step": 0, "_runtime": 1.0,
        "_timestamp": 1_700_000_010.0, "a": 0.5, "m": 0.5, "\\run_id": "mine",
    }  # fmt: skip


def test_keys_and_filters_narrow_a_project(project):
    out = io.BytesIO()
    export_project(project, "ann", "digits", out, format="csv", keys=["m"], filters={"name": {"$ne": "one"}})
    assert out.getvalue().decode() == "entity,project,run_id,name,_step,m\nann,digits,r3,three,0,0.5\n"


def test_a_project_without_rows_is_a_header(api):
    api.create_project("empty")
    out = io.BytesIO()
    assert export_project(api._service, "ann", "empty", out, format="csv").row_count == 0
    assert out.getvalue() == b"entity,project,run_id,name,_step,_runtime,_timestamp\n"


def test_runs_as_one_line_each(project, tmp_path):
    result = export_runs_table(project, "ann", "digits", tmp_path / "runs.csv", format="csv")
    frame = pd.read_csv(tmp_path / "runs.csv")
    assert result.row_count == 3
    assert frame["run_id"].tolist() == ["r1", "r2", "r3"]
    assert list(frame.columns) == list(result.columns)
    for format in ("parquet", "arrow", "jsonl"):
        assert export_runs_table(project, "ann", "digits", tmp_path / format, format=format).row_count == 3
    assert json.loads((tmp_path / "jsonl").read_text().splitlines()[2])["summary.run_id"] == "mine"
