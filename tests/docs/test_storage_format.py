"""The pages about the storage format are enough: their blocks, run as they stand, read back what was logged."""

import io
import math
import re
import struct
import subprocess
import zlib
from itertools import pairwise
from typing import get_args

import duckdb
import msgspec
import pyarrow.parquet as pq
import pytest
from pages import ROOT, blocks, make_desk, run_command, run_python, texts

import runlake
from runlake.artifact_model import ArtifactEdit, ArtifactStart, CollectionPath, ContentInfo, ManifestEntry
from runlake.model import RunPath
from runlake.service.local.service import LocalService
from runlake.store.artifacts.fold import Entry as ArtifactEntry
from runlake.store.artifacts.lineage import RunLink, Use
from runlake.store.changes import ACTIONS, PACK_AT
from runlake.store.folder_store import FolderStore
from runlake.store.journal import record
from runlake.store.journal.served import Served
from runlake.store.journal.shipped import Shipped
from runlake.store.layout import encode_name
from runlake.store.noting import append_change
from runlake.store.segment import schema
from runlake.store.segment.meta import Meta
from runlake.store.segment.pyramid import PYRAMID_STEP
from runlake.store.segment.write import PACKED_GROUP_VALUES
from runlake.store.sweeps.fold import Entry
from runlake.store.sweeps.folder import AgentFile

FOLDER = "docs/guide/storage-format"
PAGES = {file.stem: f"{FOLDER}/{file.name}" for file in sorted((ROOT / FOLDER).glob("*.md"))}
TEXTS = {name: (ROOT / page).read_text("utf-8") for name, page in PAGES.items()}
(LOG,), (POLARS,), (META,), (SMALL,), (JOURNAL,) = (
    texts(PAGES[name], "python") for name in ("README", "values", "meta", "merged", "journal")
)
HISTORY = ".runlake/ann/letters/runs/first/segments/*-history.parquet"


def with_output():
    """(kind, code, what it prints) of each block that is followed by its output."""
    for page in PAGES.values():
        for (kind, code), (next_kind, output) in pairwise(blocks(page)):
            if kind in ("sql", "python") and next_kind == "text" and code != LOG:
                yield kind, code, output


@pytest.fixture(scope="module")
def desk(tmp_path_factory):
    """The pages' run in three states: its journal read, then sealed."""
    folder = make_desk(tmp_path_factory.mktemp("format"))
    assert run_python(LOG, folder) == ""
    (part,) = (folder / ".runlake" / "ann" / "letters" / "runs" / "first" / "journal").iterdir()
    journal = run_python(JOURNAL, folder), part.read_bytes()
    run_command("runlake seal ann/letters", folder)
    run_python(SMALL, folder)
    assert run_command("runlake seal ann/digits --merge", folder).endswith("sealed 3 runs, merged 3 runs\n")
    run_python(SMALL.replace("range(3)", "[3]"), folder)
    run_command("runlake seal ann/digits", folder)
    return folder, journal


@pytest.fixture
def query(desk):
    folder, _ = desk
    with duckdb.connect() as connection:
        connection.execute(f"SET file_search_path = '{folder.as_posix()}'")
        yield connection.sql


def printed(relation):
    lines = [relation.columns, *relation.fetchall()]
    return "".join(" | ".join(map(str, line)) + "\n" for line in lines)


def test_every_query_of_the_pages_has_its_output():
    query_count = sum(len(texts(page, "sql")) for page in PAGES.values())
    assert len(list(with_output())) == query_count + len([POLARS, META, JOURNAL])


@pytest.mark.parametrize(("code", "output"), [(code, text) for kind, code, text in with_output() if kind == "sql"])
def test_the_queries_answer_what_their_page_says(query, code, output):
    assert printed(query(code)) == output


def test_rows_of_deleted_runs_are_left_out_as_its_page_says(desk):
    folder, _ = desk
    (test,) = re.findall(r"`WHERE (run_id IN .*)`", TEXTS["merged"])
    (once,) = re.findall(r"`(QUALIFY row_number.*)`", TEXTS["merged"])
    merged, runs = (f"{folder}/.runlake/ann/digits/{place}" for place in ("merged/*-history.parquet", "runs"))
    query = f"SELECT run_id, n FROM '{merged}' WHERE key = 'loss' AND {test} {once} ORDER BY run_id, n"
    query = query.replace(".runlake/ann/digits/runs", runs).replace(f"{folder}/{folder}", str(folder))
    aside = folder / "aside"
    (folder / ".runlake" / "ann" / "digits" / "runs" / "r1").rename(aside)
    try:
        assert duckdb.sql(query).fetchall() == [("r0", 0), ("r0", 1), ("r2", 0), ("r2", 1)]
    finally:
        aside.rename(folder / ".runlake" / "ann" / "digits" / "runs" / "r1")


def test_the_programs_print_what_their_page_says(desk):
    folder, (from_journal, _) = desk
    outputs = {code: text for kind, code, text in with_output() if kind == "python"}
    assert from_journal == outputs[JOURNAL]
    assert run_python(POLARS, folder) == outputs[POLARS]
    assert run_python(META, folder) == outputs[META]


def test_journal_and_segments_say_the_same():
    outputs = {code: text for kind, code, text in with_output() if kind == "python"}
    assert outputs[JOURNAL] == outputs[POLARS]


def logged():
    """What the page's first block logs, in the words of that block: rows of path → value."""
    rows = []

    class Recorder:
        def __enter__(self):
            return self

        def __exit__(self, *error):
            return None

        def log(self, data, step=None, commit=None):
            rows.append(data)

    lines = LOG.replace("import runlake\n", "")
    exec(lines, {"runlake": type("module", (), {"init": lambda **options: Recorder()})})
    return rows


def test_what_duckdb_reads_is_what_was_logged_bit_for_bit(query):
    first, second, third, fourth, last = logged()
    found = query(f"SELECT n, step, key, lane, f64, i64, bool, str FROM '{HISTORY}' ORDER BY n, key").fetchall()
    values = {(n, key): (lane, *value) for n, _, key, lane, *value in found if key not in ("_timestamp", "_runtime")}
    nothing = (None,) * 4
    assert math.copysign(1, values.pop((2, "loss"))[1]) == math.copysign(1, third["loss"]) == -1
    assert math.isnan(values.pop((1, "loss"))[1])
    assert math.isnan(second["loss"])
    assert last == {}
    assert values == {
        (0, "_step"): ("i64", None, 0, None, None),
        (0, "loss"): ("f64", first["loss"], None, None, None),
        (0, "count"): ("i64", None, first["count"], None, None),
        (0, "ok"): ("bool", None, None, first["ok"], None),
        (1, "_step"): ("i64", None, 1, None, None),
        (1, "note"): ("str", None, None, None, second["note"]),
        (2, "_step"): ("i64", None, 2, None, None),
        (2, "big"): ("i64", None, third["big"], None, None),
        (2, "list"): ("json", None, None, None, '[1,{"$float":"Infinity"}]'),
        (2, "nothing"): ("null", *nothing),
        (3, "_step"): ("i64", None, 3, None, None),
        (3, "count"): ("f64", fourth["count"], None, None, None),
        (3, "opt.lr"): ("f64", fourth["opt"]["lr"], None, None, None),
        (3, "opt\\.lr"): ("i64", None, fourth["opt.lr"], None, None),
        (4, "_step"): ("i64", None, 9, None, None),
    }
    assert third["list"] == [1, math.inf]


def test_the_api_reads_the_same_rows(desk):
    folder, _ = desk
    with runlake.Api(folder / ".runlake") as api:
        rows = [dict(row) for row in api.run("ann/letters/first").scan_history()]
    for row in rows:
        assert {row.pop("_timestamp") > 1e9, row.pop("_runtime") >= 0} == {True}
    steps = [row.pop("_step") for row in rows]
    expected = logged()
    assert steps == [0, 1, 2, 3, 9]
    assert repr(rows) == repr(expected)


def columns_told(page):
    """column → type of the table of a page."""
    told = {}
    for names, kind in re.findall(r"^\| ((?:`\w+`(?:, )?)+) \| ([\w ]+) \|", TEXTS[page], re.MULTILINE):
        told.update(dict.fromkeys(re.findall(r"`(\w+)`", names), kind))
    return told


@pytest.mark.parametrize(
    ("page", "schema"), [("values", schema.VALUES_SCHEMA), ("series", schema.SERIES_SCHEMA)], ids=["values", "series"]
)
def test_every_column_is_told_with_its_type(page, schema):
    def word(kind):
        text = str(kind)
        if text.startswith("dictionary"):
            return "string"
        return {"bool": "boolean", "list<item: int64>": "list of int64", "list<item: double>": "list of double"}.get(
            text, text
        )

    assert columns_told(page) == {field.name: word(field.type) for field in schema}
    assert list(columns_told(page)) == schema.names


def test_the_files_have_these_columns_and_this_version(desk):
    folder, _ = desk
    files = {file: pq.ParquetFile(file) for file in folder.rglob("*.parquet")}
    for file, parquet in files.items():
        expected = schema.SERIES_SCHEMA if file.name.endswith(".series.parquet") else schema.VALUES_SCHEMA
        assert parquet.schema_arrow.names == expected.names
        assert parquet.metadata.metadata[b"runlake.segment"] == b"1"
    assert {file.name.split("-", 1)[1] for file in files} >= {"history.parquet", "history.series.parquet"}


def test_every_row_group_holds_one_lane_as_its_page_says(desk):
    folder, _ = desk
    for file in (*folder.glob(HISTORY), *folder.glob(".runlake/ann/digits/merged/*-history.parquet")):
        parquet = pq.ParquetFile(file)
        groups = [
            set(parquet.read_row_group(i, columns=["lane"])["lane"].to_pylist()) for i in range(parquet.num_row_groups)
        ]
        assert {len(lanes) for lanes in groups} == {1}
    assert f"{PACKED_GROUP_VALUES:,} in a row group" in TEXTS["merged"]
    assert f"{schema.GROUP_VALUES:,}" in TEXTS["values"]
    assert f"{schema.CHUNK_ROWS:,}" in TEXTS["series"]
    assert f"no more than {2 * PYRAMID_STEP}" in TEXTS["series"]


def test_every_kind_of_record_is_told():
    kinds = {}
    for numbers, names in re.findall(r"^\| ([\d, ]+) \| ([A-Z, ]+) \|", TEXTS["journal"], re.MULTILINE):
        kinds.update(zip(map(int, numbers.split(", ")), names.split(", "), strict=True))
    assert kinds == {kind: name.upper() for kind, name in record.KIND_NAMES.items()}


def test_every_key_of_the_meta_file_is_told():
    told = re.search(r"^\| Key \| \|\n.*?\n\n", TEXTS["meta"], re.MULTILINE | re.DOTALL)[0]
    assert [name for name in Meta.__struct_fields__ if f"`{name}`" not in told] == []


def test_the_list_of_a_merged_file_is_as_its_page_says(desk):
    folder, _ = desk
    (file,) = folder.glob(".runlake/ann/digits/merged/*.runs")
    data = file.read_bytes()
    length, kind, _, crc = struct.unpack_from("<IBBI", data, 8)
    assert (data[:8], kind, length, zlib.crc32(data[18:])) == (b"runlist\x01", 33, len(data) - 18, crc)
    told = msgspec.msgpack.decode(data[18:])
    assert list(told) == ["version", "name", "files", "footers", "checksums", "runs"]
    assert list(told["runs"][0]) == ["run_id", "incarnation", "generation", "segment", "inputs", "row_counts"]
    assert [run["run_id"] for run in told["runs"]] == ["r0", "r1", "r2"]
    assert all(f"`{name}`" in TEXTS["merged"] for name in (*told, *told["runs"][0]))


def frames(data):
    """(offset, kind, check, body) as the page has it."""
    at = 8
    while at < len(data):
        length, kind, check, crc = struct.unpack_from("<IBBI", data, at)
        body = data[at + 10 : at + 10 + length]
        assert zlib.crc32(body) == crc
        yield at, data[at : at + 4], kind, check, body
        at += 10 + length


def test_check_bytes_and_blocks_are_as_its_page_says(desk):
    _, (_, data) = desk
    found = list(frames(data))
    for _, length, kind, check, _ in found:
        assert check == length[0] ^ length[1] ^ length[2] ^ length[3] ^ kind ^ 0xA5
    assert [kind for _, _, kind, _, _ in found][-2:] == [record.END, record.BLOCK]
    place, _, _, _, body = found[-1]
    start, crc = struct.unpack("<QI", body)
    assert (start, crc) == (0, zlib.crc32(data[:place]))


def test_a_later_block_begins_where_the_one_before_begins(tmp_path):
    with runlake.init(store=tmp_path, settings={"seal": "off", "silent": True, "disable_system": True}) as run:
        for step in range(3000):
            run.log({"a": step})
        journal = run.journal_dir
    (part,) = journal.iterdir()
    data = part.read_bytes()
    places = [(at, struct.unpack("<QI", body)) for at, _, kind, _, body in frames(data) if kind == record.BLOCK]
    assert len(places) == 3
    assert [start for _, (start, _) in places] == [0, places[0][0], places[1][0]]
    assert [crc for _, (_, crc) in places] == [zlib.crc32(data[start:at]) for at, (start, _) in places]


@pytest.mark.parametrize(
    ("name", "folder"),
    [("run-1_a.b", "run-1_a.b"), ("Run1", "Run1~1"), ("é", "%C3%A9"), (".a", "%2Ea"), ("nul", "%6Eul")],
)
def test_names_are_encoded_as_its_page_says(name, folder):
    assert encode_name(name) == folder


def test_a_long_name_is_cut_and_hashed():
    assert re.fullmatch(r"a{100}%~[0-9a-f]{40}", encode_name("a" * 300))
    assert "`Run1` is `Run1~1`" in TEXTS["README"]


def test_the_store_says_its_version(desk):
    folder, _ = desk
    assert (folder / ".runlake" / "store.toml").read_text("utf-8").startswith("format_version = 1\n")


def test_every_entry_of_a_ledger_and_what_agents_say_is_told():
    told = {
        kind: set(re.findall(r"`(\w+)`", names))
        for kind, names in re.findall(r"^\| `(\w+)` \| ((?:`\w+`(?:, )?)+) \|", TEXTS["sweeps"], re.MULTILINE)
    }
    entries = {entry.__struct_config__.tag: {*entry.__struct_fields__} - {"at"} for entry in get_args(Entry)}
    assert told == entries
    assert [name for name in AgentFile.__struct_fields__ if f"`{name}`" not in TEXTS["sweeps"]] == []


def test_a_shell_takes_an_artifact_apart_as_its_page_says(tmp_path):
    folder = make_desk(tmp_path)
    service = LocalService(folder / ".runlake", default_entity="ann")
    path = CollectionPath("ann", "letters", "model")
    files = {"weights/last.bin": bytes(range(256)), "config.json": b'{"lr": 0.1}'}
    start = ArtifactStart(type="model", artifact_id="a1b2c3d4e5f60718", aliases=("latest",))
    draft = path.at(service.begin_artifact(path, start).artifact_id)
    kept = {name: service.put_content(draft, io.BytesIO(content)) for name, content in files.items()}
    entries = [ManifestEntry(path=name, digest=content.digest) for name, content in kept.items()]
    service.commit_artifact(draft, entries)
    shell = [(code, text) for (kind, code), (_, text) in pairwise(blocks(PAGES["artifacts"])) if kind == "sh"]
    assert len(shell) == 3
    for code, expected in shell:
        done = subprocess.run(["sh", "-c", code], cwd=folder, capture_output=True, text=True, check=True)
        assert (done.stdout, done.stderr) == (expected, "")
    assert {name: (folder / "out" / name).read_bytes() for name in files} == files


def test_every_entry_of_a_collection_and_every_field_of_a_manifest_is_told():
    page = TEXTS["artifacts"]
    told = {
        kind: set(re.findall(r"`(\w+)`", names))
        for kind, names in re.findall(r"^\| `(\w+)` \| ((?:`\w+`(?:, )?)+) \|", page, re.MULTILINE)
    }
    entries = {entry.__struct_config__.tag: {*entry.__struct_fields__} - {"at"} for entry in get_args(ArtifactEntry)}
    assert told == entries
    fields = re.findall(r"^\| `(\w+)` \| [^`|]", page[: page.index("## The ledger")], re.MULTILINE)
    assert fields == [*ManifestEntry.__struct_fields__]
    notes = {*ArtifactEdit.__struct_fields__, *RunLink.__struct_fields__, *Use.__struct_fields__}
    assert [name for name in notes | {*ContentInfo.__struct_fields__} if f"`{name}`" not in page] == []


def test_the_name_of_a_change_is_as_its_page_says(tmp_path):
    layout, path = FolderStore(tmp_path), RunPath("ann", "letters", "first")
    append_change(layout, path, "w-1", "init", "0123456789abcdef012")
    (name,) = (file.name for file in layout.changes_dir("ann", "letters").iterdir())
    assert re.fullmatch(r"[0-9a-f]{14}[^#]+#init#0123456789abcdef012#first#w-1", name)
    assert "`<time><random>#<action>#<incarnation>#<run folder>#<writer>`" in TEXTS["beside"]
    assert [action for action in ACTIONS if f"`{action}`" not in TEXTS["beside"]] == []
    assert f"When there are {PACK_AT:,}" in TEXTS["beside"]


def test_what_lies_beside_a_runs_rows_is_told():
    fields = {*Served.__struct_fields__, "base_url", "path", "reached", "problem"}
    assert [name for name in fields if f"`{name}`" not in TEXTS["beside"]] == []
    assert [name for name in re.findall(r"`(\w+)`", TEXTS["beside"]) if name in Shipped.__struct_fields__] != []
