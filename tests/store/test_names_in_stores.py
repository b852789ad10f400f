"""A store of others is merged: whatever names and links are in it, nothing outside of the merged runs changes."""

import io
import os
import shutil
import zlib
from pathlib import Path

import msgspec
import pytest

from runlake.errors import CorruptError, RunlakeError
from runlake.model import RunPath
from runlake.store.care.check import check_run
from runlake.store.catalog.catalog_file import _MAGIC, CatalogFile
from runlake.store.changes import changes_of, parse_name
from runlake.store.compact import packed_file
from runlake.store.compact.pack import AT_ONCE, pack_runs
from runlake.store.compact.pack_folder import FolderPacking
from runlake.store.compact.seal import seal_run
from runlake.store.folder_files import FolderFiles
from runlake.store.folder_store import FolderStore
from runlake.store.journal import record
from runlake.store.merge.merge_stores import choose_projects, merge_projects
from runlake.store.opening.trash import move_run_to_trash
from runlake.store.segment.folder import FolderSegments
from runlake.store.segment.meta import META_FRAME, META_MAGIC, read_meta
from runlake.store.segment.schema import series_file
from runlake.store.stored_names import is_one_part, is_place_of_a_run
from stored import Writer, segment_files

OURS, THEIRS = RunPath("ann", "p", "v1"), RunPath("ann", "p", "evil")

HOSTILE = [
    "../x",
    "../../v1/files/model.txt",
    "../../v1/segments/{ours}-history.parquet",
    "{ours}-history.parquet",
    "d/../../../../../../../../victim/.bashrc",
    "/etc/passwd",
    "..",
    ".",
    "",
    "a\0b",
    "..\\..\\v1\\files\\model.txt",
    "C:evil",
    "../../../merged/../runs/v1/files/model.txt",
    "../../../merged/x-history.parquet",
    "\u202egnp.exe/..",
]


@pytest.fixture
def ours(tmp_path):
    layout = FolderStore(tmp_path / "ours" / "store")
    make_run(layout, OURS, files={"model.txt": b"our model"})
    (tmp_path / "victim").mkdir()
    (tmp_path / "victim" / ".bashrc").write_text("ours\n")
    return layout


@pytest.fixture
def theirs(tmp_path):
    layout = FolderStore(tmp_path / "theirs")
    make_run(layout, THEIRS)
    return layout


def make_run(layout, path, *, files=None, row_count=3):
    writer = Writer(layout, path=path)
    writer.log_many({"i": i} for i in range(row_count))
    for name, content in (files or {}).items():
        layout.file_path(path, name).write_bytes(content)
    writer.end()
    seal_run(layout, path)


def forge(file, **fields):
    """The meta file with other fields and a checksum that is right."""
    body = msgspec.msgpack.decode(file.read_bytes()[8 + record.HEAD.size :])
    file.write_bytes(META_MAGIC + record.frame(META_FRAME, record.encode_body({**body, **fields})))


def meta_in(file):
    return read_meta(FolderSegments(file.parent), file.stem)


def meta_file(layout, path):
    (file,) = layout.segments_dir(path).glob("*.meta")
    return file


def outside(root, *but):
    """Everything below a folder but what belongs to the merged runs: bytes of files, targets of links."""
    found = {}
    for folder, folders, names in os.walk(root):
        for name in (*names, *folders):
            place = Path(folder, name)
            relative = place.relative_to(root).as_posix()
            if not any(relative.startswith(each) for each in but):
                found[relative] = (
                    str(place.readlink()) if place.is_symlink() else place.is_file() and place.read_bytes()
                )
    return found


BELONGS_TO_THE_MERGE = (
    "ours/store/.runlake-merging",
    "ours/store/ann/p/changes",
    "ours/store/ann/p/runs/evil",
    "ours/store/ann/p/sweeps",
    "theirs",
)


def merge_safely(tmp_path, ours, theirs):
    """Merge, and see that nothing changed that is not the merged run's own; what was refused, if anything."""
    before, in_theirs = outside(tmp_path, *BELONGS_TO_THE_MERGE), outside(tmp_path / "theirs")
    refused = None
    try:
        list(merge_projects(ours, theirs, choose_projects(ours, theirs, None), "merger"))
    except RunlakeError as error:
        refused = error
    assert outside(tmp_path, *BELONGS_TO_THE_MERGE) == before
    assert outside(tmp_path / "theirs") == in_theirs
    for name in ours.run_ids("ann", "p"):
        assert_is_plain(ours.run_dir(RunPath("ann", "p", name)))
    return refused


def assert_is_plain(folder):
    assert [place for place in folder.rglob("*") if place.is_symlink() or not (place.is_file() or place.is_dir())] == []


# Names in files ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("field", ["name", "files", "supersedes", "covers", "incarnation"])
def test_no_name_in_a_meta_file_leads_anywhere(tmp_path, ours, theirs, field):
    file, our_name = meta_file(theirs, THEIRS), meta_file(ours, OURS).stem
    original = file.read_bytes()
    for template in HOSTILE:
        name = template.format(ours=our_name)
        if field == "incarnation" and name == "":
            continue  # of segments that were made anew from their Parquet files
        value = {
            "name": name,
            "incarnation": name,
            "files": {"history": name},
            "supersedes": [name],
            "covers": [[name, 0]],
        }
        leads_nowhere = field in ("covers", "incarnation") and is_one_part(name)
        file.write_bytes(original)
        forge(file, **{field: value[field]})
        if leads_nowhere:
            assert name in (meta_in(file).incarnation, meta_in(file).covers[0][0])
        else:
            with pytest.raises(CorruptError, match="which no runlake has called so"):
                meta_in(file)
            assert merge_safely(tmp_path, ours, theirs) is not None, name


def test_a_file_name_of_another_stream_or_segment_is_refused(theirs):
    file = meta_file(theirs, THEIRS)
    for files in (
        {"history": f"{file.stem}-events.parquet"},
        {"history": f"../../../merged/{file.stem}-events.parquet"},
        {"other": f"{file.stem}-other.parquet"},
        {"history": f"{'0' * 24}-history.parquet"},
        {"history": f"{file.stem}-history.parquet\n"},
    ):
        forge(file, files=files)
        with pytest.raises(CorruptError):
            meta_in(file)


@pytest.mark.parametrize("field", ["name", "files", "segment", "inputs"])
@pytest.mark.parametrize("name", HOSTILE)
def test_no_name_in_the_list_of_a_merged_file_leads_anywhere(tmp_path, field, name):
    good = "0" * 24
    run = {"run_id": "r", "incarnation": "i", "generation": "g", "segment": good, "inputs": [good], "row_counts": {}}
    body = {"version": 1, "name": good, "files": {}, "footers": {}, "checksums": {}, "runs": [run]}
    file = tmp_path / f"{good}.runs"

    def put():
        file.write_bytes(packed_file._MAGIC + record.frame(packed_file._LIST, msgspec.msgpack.encode(body)))

    put()
    assert packed_file.read_list(FolderSegments(tmp_path), good).name == good
    if field in ("segment", "inputs"):
        run[field] = name if field == "segment" else [name]
    else:
        body[field] = name if field == "name" else {"history": name}
    put()
    with pytest.raises(CorruptError, match="which no runlake has called so"):
        packed_file.read_list(FolderSegments(tmp_path), good)


@pytest.mark.parametrize("name", ["../../../../../victim/new", "../../runs/v1/files/new", "..\\new"])
def test_no_line_of_a_pack_of_changes_makes_a_file_elsewhere(tmp_path, ours, theirs, name):
    changes_of(theirs, "ann", "p").pack()
    line = f"{1:014x}{'0' * 8}#delete#inc#evil#{name}"
    changes_of(theirs, "ann", "p").write_pack([line])
    assert parse_name(line) is None
    assert merge_safely(tmp_path, ours, theirs) is None


@pytest.mark.parametrize("name", ["../../../victim/.bashrc", "..\\x", "/etc/hostname"])
def test_no_head_of_a_catalog_names_columns_elsewhere(tmp_path, name):
    catalog = CatalogFile(tmp_path)
    head = {"entity": "ann", "project": "p", "columns_name": name, "overlay": {}, "packs": [], "loose": []}
    body = msgspec.msgpack.encode({**head, "deaths": {}, "folder_stamp": None, "run_count": 0})
    catalog._head_file("ann", "p").write_bytes(_MAGIC + zlib.crc32(body).to_bytes(4, "little") + body)
    assert catalog.load("ann", "p") is None


def test_a_life_with_a_hostile_name_goes_to_the_trash_and_nowhere_else(tmp_path, ours):
    (ours.run_dir(OURS) / "incarnation").write_text("../../../victim/x")
    forge(meta_file(ours, OURS), incarnation="../../../victim/x")
    before = outside(tmp_path / "victim")
    trashed = move_run_to_trash(ours, OURS, "w")
    assert (trashed.parent, trashed.name[:10]) == (ours.trash_dir, "unreadable")
    assert outside(tmp_path / "victim") == before


@pytest.mark.parametrize(
    ("place", "is_right"),
    [
        (f"segments/{'a' * 24}.meta", True),
        (f"segments/{'a' * 24}-console.series.parquet", True),
        (f"../../merged/{'a' * 24}-history.parquet", True),
        ("journal/w-000.part", True),
        ("journal/w-000.part~01234567", True),
        ("files/a/b .txt", True),
        ("files/..a/.b", True),
        (f"../../merged/{'a' * 24}.runs", False),
        (f"../v1/segments/{'a' * 24}.meta", False),
        ("segments/x.meta", False),
        ("journal/../x", False),
        ("journal/.hidden", False),
        ("files/../x", False),
        ("files/a/..", False),
        ("files/", False),
        ("id", False),
        ("shipped", False),
    ],
)
def test_a_merge_puts_files_only_where_files_of_a_run_are(place, is_right):
    assert is_place_of_a_run(place) is is_right


# Links -------------------------------------------------------------------------------------------------------------


def test_a_link_deep_into_a_project_lends_no_way_out(tmp_path, ours, theirs):
    """A source that is inside of their project once resolved, and a target that is not inside of our store."""
    deep = theirs.project_dir("ann", "p") / "1/2/3/4/5/6/7/8"
    deep.mkdir(parents=True)
    (theirs.segments_dir(THEIRS) / "d").symlink_to(deep)
    file = meta_file(theirs, THEIRS)
    up = os.path.relpath(tmp_path / "victim", ours.segments_dir(THEIRS))
    name = f"d/../{up}/.bashrc"
    planted = Path(os.path.realpath(theirs.segments_dir(THEIRS) / name))
    planted.parent.mkdir(parents=True, exist_ok=True)
    planted.write_text("echo PWNED\n")
    forge(file, files={"history": name})
    assert merge_safely(tmp_path, ours, theirs) is not None


LINKED = [
    "files",
    "segments",
    "journal",
    ".",
    "..",
    "../..",
    "../../..",
    "../../merged",
    "../../changes",
    "../../sweeps",
]


@pytest.mark.parametrize("place", LINKED)
def test_a_folder_that_is_a_link_is_refused_and_nothing_of_it_taken(tmp_path, ours, theirs, place):
    secret = tmp_path / "victim" / "home"
    folder = Path(os.path.normpath(theirs.run_dir(THEIRS) / place))
    if folder.exists():
        shutil.copytree(folder, secret)
        shutil.rmtree(folder)
    else:
        secret.mkdir()
    (secret / "id_rsa").write_text("secret\n")
    folder.symlink_to(secret)
    refused = merge_safely(tmp_path, ours, theirs)
    assert "is a link" in str(refused)
    assert [file for file in ours.root.rglob("*") if file.name == "id_rsa"] == []


@pytest.mark.parametrize("kind", ["link", "pipe"])
@pytest.mark.parametrize("place", ["segments/*.meta", "segments/*-history.parquet", "journal/w-000.part"])
def test_a_file_that_is_a_link_or_a_pipe_is_refused(tmp_path, ours, theirs, place, kind):
    """A part that cannot be read is taken as it is where there is no other: it must not be read through a link."""
    (tmp_path / "victim" / "id_rsa").write_text("secret\n")
    folder, _, pattern = place.partition("/")
    in_folder = theirs.run_dir(THEIRS) / folder
    file = next(in_folder.glob(pattern), in_folder / pattern)
    file.unlink(missing_ok=True)
    file.symlink_to(tmp_path / "victim" / "id_rsa") if kind == "link" else os.mkfifo(file)
    assert merge_safely(tmp_path, ours, theirs) is not None
    assert not ours.run_dir(THEIRS).exists()


def test_a_pack_of_changes_that_is_a_pipe_keeps_nobody_waiting(tmp_path, ours, theirs):
    changes_of(theirs, "ann", "p").pack()
    os.mkfifo(theirs.changes_dir("ann", "p") / "packed" / "x.changes")
    assert "neither a file nor a folder" in str(merge_safely(tmp_path, ours, theirs))


def test_an_entry_of_a_sweep_that_is_a_link_is_refused(tmp_path, ours, theirs):
    (tmp_path / "victim" / "notes").write_text("secret\n")
    ledger = theirs.sweeps_dir("ann", "p") / "s" / "ledger"
    ledger.mkdir(parents=True)
    (ledger / "00000001.json").symlink_to(tmp_path / "victim" / "notes")
    assert "is a link" in str(merge_safely(tmp_path, ours, theirs))
    assert not (ours.sweeps_dir("ann", "p") / "s").exists()


def test_links_among_the_files_of_a_run_are_followed_only_within_them(tmp_path, ours, theirs):
    files = theirs.files_dir(THEIRS)
    (files / "epoch3.ckpt").write_bytes(b"weights")
    (files / "last.ckpt").symlink_to("epoch3.ckpt")
    (files / "out").symlink_to(tmp_path / "victim" / ".bashrc")
    (files / "folder").symlink_to(tmp_path / "victim")
    os.mkfifo(files / "pipe")
    assert merge_safely(tmp_path, ours, theirs) is None
    assert outside(ours.files_dir(THEIRS)) == {"epoch3.ckpt": b"weights", "last.ckpt": b"weights"}


def test_a_link_in_a_run_of_ours_is_not_written_through(tmp_path, ours):
    """Both copies have the run; in ours a file of the user leads elsewhere."""
    copy = FolderStore(tmp_path / "theirs")
    shutil.copytree(ours.root, copy.root)
    ours.files_dir(OURS).joinpath("out").symlink_to(tmp_path / "victim")
    ours.files_dir(OURS).joinpath("one").symlink_to(tmp_path / "victim" / ".bashrc")
    (copy.files_dir(OURS) / "out").mkdir()
    (copy.files_dir(OURS) / "out" / ".bashrc").write_text("echo PWNED\n")
    (copy.files_dir(OURS) / "one").write_text("echo PWNED\n")
    before = outside(tmp_path / "victim")
    list(merge_projects(ours, copy, [("ann", "p")], "merger"))
    assert outside(tmp_path / "victim") == before
    beside = sorted(p.relative_to(ours.files_dir(OURS)).as_posix() for p in ours.files_dir(OURS).rglob("*~*"))
    assert [name.partition("~")[0] for name in beside] == ["one", "out"]


def test_a_segments_folder_of_ours_that_leads_elsewhere_is_left_alone(tmp_path, ours):
    copy = FolderStore(tmp_path / "theirs")
    shutil.copytree(ours.root, copy.root)
    segments = ours.segments_dir(OURS)
    segments.rename(tmp_path / "victim" / "segments")
    segments.symlink_to(tmp_path / "victim" / "segments")
    before = outside(tmp_path / "victim")
    with pytest.raises(RunlakeError, match="is a link"):
        list(merge_projects(ours, copy, [("ann", "p")], "merger"))
    assert outside(tmp_path / "victim") == before


# Files of others here ----------------------------------------------------------------------------------------------


def test_the_rows_that_our_runs_share_are_never_replaced(tmp_path, ours):
    for number in range(3):
        make_run(ours, RunPath("ann", "p", f"small-{number}"), row_count=2)
    assert len(list(pack_runs(FolderPacking(ours, "ann", "p"), AT_ONCE))) > 1
    theirs = FolderStore(tmp_path / "theirs")
    shutil.copytree(ours.root, theirs.root)
    shutil.rmtree(ours.run_dir(RunPath("ann", "p", "small-1")))
    for file in theirs.merged_dir("ann", "p").glob("*-history.parquet"):
        file.write_bytes(file.read_bytes() + b"more")
    refused = merge_safely(tmp_path, ours, theirs)
    assert "has other bytes under the same name" in str(refused)
    assert not ours.run_dir(RunPath("ann", "p", "small-1")).exists()


def test_the_rows_that_runs_share_are_taken_once_and_then_found_again(tmp_path, ours):
    theirs = FolderStore(tmp_path / "theirs")
    for number in range(3):
        make_run(theirs, RunPath("ann", "p", f"small-{number}"), row_count=2)
    list(pack_runs(FolderPacking(theirs, "ann", "p"), AT_ONCE))
    first = [one.outcome for one in merge_projects(ours, theirs, [("ann", "p")], "merger")]
    again = [one.outcome for one in merge_projects(ours, theirs, [("ann", "p")], "merger")]
    assert (first, again) == (["new"] * 3, ["same"] * 3)
    shared = outside(theirs.merged_dir("ann", "p"), ".")
    assert outside(ours.merged_dir("ann", "p")) == {n: c for n, c in shared.items() if n.endswith(".parquet")}


# Reading one's own store -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("place", ["files", "."])
def test_files_behind_a_link_out_of_a_run_are_none_of_its_files(tmp_path, ours, place):
    folder = Path(os.path.normpath(ours.run_dir(OURS) / place))
    folder.rename(tmp_path / "victim" / "moved")
    folder.symlink_to(tmp_path / "victim" / "moved")
    files = FolderFiles(ours)
    assert files.list_files(OURS) == []
    for use in (files.open_file, files.delete_file):
        with pytest.raises(RunlakeError, match="leads out of the run's folder"):
            use(OURS, "model.txt").close()
    with pytest.raises(RunlakeError, match="leads out of the run's folder"):
        files.put_file(OURS, "model.txt", io.BytesIO(b"theirs"))
    assert (tmp_path / "victim" / "moved").joinpath(*(() if place == "files" else ("files",)), "model.txt").is_file()


def test_check_names_what_lies_among_the_files_and_is_none_of_them(tmp_path, ours):
    files = ours.files_dir(OURS)
    (files / "inside").symlink_to("model.txt")
    (files / "out").symlink_to(tmp_path / "victim")
    (files / "raw\nname").write_text("x")
    assert [(one.kind, one.place, one.lost) for one in check_run(ours, OURS)] == [
        ("foreign", "files/out", "nothing"),
        ("foreign", "files/raw\\nname", "nothing"),
    ]
    assert [info.name for info in FolderFiles(ours).list_files(OURS)] == ["inside", "model.txt"]
    shutil.move(files, tmp_path / "victim" / "moved")
    files.symlink_to(tmp_path / "victim" / "moved")
    assert [(one.kind, one.place) for one in check_run(ours, OURS)] == [("foreign", "files")]


@pytest.mark.parametrize("depth", ["store", "ann", "ann/p", "ann/p/runs"])
def test_an_owner_may_have_a_store_or_a_project_on_another_disk(tmp_path, ours, depth):
    folder = ours.root if depth == "store" else ours.root / depth
    folder.rename(tmp_path / "disk")
    folder.symlink_to(tmp_path / "disk")
    assert [info.name for info in FolderFiles(ours).list_files(OURS)] == ["model.txt"]
    with FolderFiles(ours).open_file(OURS, "model.txt") as content:
        assert content.read() == b"our model"


def test_every_file_that_a_sealer_makes_has_a_name_that_is_allowed(ours):
    assert all(is_place_of_a_run(f"segments/{name}") for name in segment_files(ours, OURS))
    meta = meta_in(meta_file(ours, OURS))
    assert all(series_file(ours.segments_dir(OURS) / name).is_file() for name in meta.files.values())
