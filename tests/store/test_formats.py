"""Formats: a store of each format there was is read as ever, and what is written today is the format it says it is.

Where a test here fails because bytes are others now, the format has changed: raise its FORMAT_VERSION, keep reading the
old one, and add a golden store of the new one beside those in `formats/` (`format_story` makes it).
"""

import shutil
from pathlib import Path

import format_story
import msgspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from runlake.errors import NewerFormatError
from runlake.model import STREAMS, RunPath
from runlake.query.rows.dicts import iter_rows
from runlake.service.local.service import LocalService
from runlake.store import store_format
from runlake.store.compact import packed_file
from runlake.store.journal import record
from runlake.store.segment import schema
from runlake.store.segment.folder import FolderSegments

GOLDEN = Path(__file__).parent / "formats"
VERSIONS = (store_format.FORMAT_VERSION, record.FORMAT_VERSION, schema.FORMAT_VERSION, packed_file.FORMAT_VERSION)
TODAY = GOLDEN / "1"
HEAD_BYTES = 8 + record.HEAD.size


def files_in(folder):
    return sorted(file.relative_to(folder).as_posix() for file in folder.rglob("*") if file.is_file())


def in_words(file):
    """What a file says, without what another version of zstd or Arrow writes in another way."""
    data = file.read_bytes()
    if file.suffix == ".parquet":
        parquet = pq.ParquetFile(file)
        group = parquet.metadata.row_group(0)
        columns = [group.column(number) for number in range(group.num_columns)]
        ours = {key: value for key, value in parquet.metadata.metadata.items() if key.startswith(b"runlake")}
        looks = [(c.path_in_schema, c.physical_type, c.compression, sorted(c.encodings)) for c in columns]
        return str(parquet.schema_arrow), ours, looks, parquet.metadata.num_row_groups, str(parquet.read().to_pydict())
    if file.suffix in (".meta", ".runs"):
        said = msgspec.msgpack.decode(data[HEAD_BYTES:])
        for writer in said.get("writers", ()):
            size, packed = writer["streams"]
            writer["streams"] = msgspec.msgpack.decode(pa.decompress(packed, size, "zstd", asbytes=True))
        hashes = {name: sorted(said.pop(name)) for name in ("footers", "checksums")}
        return data[:8], list(said), said, hashes
    return data


def test_the_golden_store_is_of_today():
    assert f"{TODAY.name}" == str(max(VERSIONS)), "a format was raised: let format_story make a golden store of it"


def test_what_is_written_today_is_the_format_it_says_it_is(tmp_path):
    format_story.write_store(tmp_path / "store")
    assert files_in(tmp_path / "store") == files_in(TODAY)
    assert [name for name in files_in(TODAY) if in_words(tmp_path / "store" / name) != in_words(TODAY / name)] == []


@pytest.mark.parametrize("version", sorted(folder.name for folder in GOLDEN.iterdir()))
def test_a_store_of_each_format_is_read_as_ever(tmp_path, version):
    shutil.copytree(GOLDEN / version, tmp_path / "store")
    service = LocalService(tmp_path / "store", default_entity="ann")
    assert [(path, found) for path, found in service.check() if found] == []
    for run_id in format_story.RUN_IDS:
        path = RunPath("ann", "p", run_id)
        info = service.read_run(path)
        assert (info.name, info.config, info.state) == ("golden", {"lr": 0.2, "model": {}}, "finished")
        rows, (event,), (line,) = ([*iter_rows(service.read_history(path, stream=stream))] for stream in STREAMS)
        axes = [(row.pop("_step"), row.pop("_timestamp"), row.pop("_runtime")) for row in rows]
        assert axes == [(step, format_story.AT_S + step, float(step)) for step in range(5)]
        assert repr(rows) == repr(format_story.ROWS)
        assert (event["system.cpu"], line["text"]) == (1.5, "hello")


@pytest.mark.parametrize(
    ("pattern", "run_id"),
    [
        ("in-journal/journal/*.part", "in-journal"),
        ("sealed/segments/*.meta", "sealed"),
        ("merged-0/segments/*.meta", "merged-0"),
    ],
)
def test_a_file_of_a_later_format_is_refused_by_its_name(tmp_path, pattern, run_id):
    shutil.copytree(TODAY, tmp_path / "store")
    file = min((tmp_path / "store" / "ann" / "p" / "runs").glob(pattern))
    data = file.read_bytes()
    file.write_bytes(data[:7] + bytes([data[7] + 1]) + data[8:])
    service = LocalService(tmp_path / "store", default_entity="ann")
    with pytest.raises(NewerFormatError, match=f"{file.name}.* format 2.*upgrade runlake"):
        service.read_history(RunPath("ann", "p", run_id))
    findings = {path.run_id: {finding.kind for finding in found} for path, found in service.check() if found}
    assert findings == {run_id: {"newer"}}


def test_a_list_of_merged_runs_of_a_later_format_is_refused_by_its_name(tmp_path):
    (file,) = TODAY.glob("ann/p/merged/*.runs")
    later = tmp_path / file.name
    later.write_bytes(file.read_bytes()[:7] + b"\x02" + file.read_bytes()[8:])
    with pytest.raises(NewerFormatError, match=f"{file.name}: format 2 .*upgrade runlake"):
        packed_file.read_list(FolderSegments(tmp_path), later.stem)
