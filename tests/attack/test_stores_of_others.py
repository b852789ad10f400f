"""Stores of others, sound to the bit: whoever reads, joins, checks or mends them changes nothing beside them."""

import itertools
import json
import os
import shutil

import msgspec
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from mutations import DEEP, changed
from typer.testing import CliRunner
from whole_story import PROJECT, write_story

from command import app
from runlake.cli.failures import ExitCode
from runlake.model import RunPath
from runlake.service.local.service import LocalService
from runlake.store.folder_store import FolderStore
from runlake.store.journal import record
from runlake.store.segment.meta import META_FRAME, META_MAGIC

EXAMPLES = 150
numbers = itertools.count()
HEAD_BYTES = len(META_MAGIC) + record.HEAD.size


@pytest.fixture(scope="module")
def sealed(tmp_path_factory):
    """A store with a run in a segment, one in a journal, and one of another project."""
    root = tmp_path_factory.mktemp("theirs") / "store"
    for run_id in ("told", "well"):
        write_story(root, run_id)
    list(LocalService(root, default_entity="bob").seal(*PROJECT, "told"))
    write_story(root, "open", ended=False)
    (meta,) = FolderStore(root).segments_dir(RunPath(*PROJECT, "told")).glob("*.meta")
    return root, meta.relative_to(root)


class Machine:
    """Somebody's machine: a store of their own, a folder they work in, and things beside that are nobody's business."""

    def __init__(self, root, theirs):
        self.root, self.ours, self.theirs, self.work = root, root / "ours", root / "theirs", root / "work"
        write_story(self.ours, "mine")
        list(LocalService(self.ours, default_entity="bob").seal(*PROJECT, "mine"))
        write_story(self.ours, "told2")
        shutil.copytree(theirs, self.theirs, symlinks=True)
        self.work.mkdir()
        for name in (".bashrc", "work/.git/config", "work/model.txt", "secret"):
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_text("as it was")

    def run(self, *arguments):
        """A command, which ends as commands do: it may refuse, and never fails in a way that nobody foresaw."""
        before = os.getcwd()  # noqa: PTH109
        os.chdir(self.work)
        try:
            ended = CliRunner().invoke(app, list(arguments), env={"RUNLAKE_SEAL": "off", "COLUMNS": "100"})
        finally:
            os.chdir(before)
        assert ended.exception is None or isinstance(ended.exception, SystemExit), (arguments, ended.exception)
        assert ended.exit_code != ExitCode.USAGE, (arguments, ended.stderr)  # wrong usage proves nothing
        assert "unexpected" not in ended.stderr, (arguments, ended.stderr)
        return ended

    def untouched(self):
        """Everything that no command on the stores may change: bytes by path."""
        inside = [self.ours / "bob/own/runs/mine", self.root / ".bashrc", self.work / ".git", self.work / "model.txt"]
        return {
            str(file.relative_to(self.root)): file.read_bytes()
            for place in [*inside, self.root / "secret"]
            for file in ([place] if place.is_file() else sorted(place.rglob("*")))
            if file.is_file()
        }


def attacked(root, theirs):
    """Everything that one does with a store of others, and with one's own beside it."""
    machine = Machine(root, theirs)
    before = machine.untouched()
    store = ("--dir", str(machine.theirs))
    for command in ["ls bob/own", "ls bob/own --json", "show bob/own/told", "export bob/own -o out.csv", "check"]:
        machine.run(*store, *command.split())
    for command in ["repair --dry-run", "pull bob/own/told", "restore bob/own/told"]:
        machine.run(*store, *command.split())
    machine.run("--dir", str(machine.ours), "merge", str(machine.theirs))
    assert machine.untouched() == before
    listed = json.loads(machine.run("--dir", str(machine.ours), "ls", "bob/own", "--json").stdout)
    assert "mine" in json.dumps(listed)
    machine.run("--dir", str(machine.ours), "check")
    machine.run(*store, "repair", "--yes")
    listed = machine.run(*store, "ls", "bob/own", "--json")
    assert "well" in listed.stdout
    machine.run(*store, "rm", "bob/own/told", "--yes")
    assert machine.untouched() == before


def repacked(root, meta, body):
    """A copy of the store whose meta says that instead."""
    copy = root / "hostile"
    file = copy / meta
    file.write_bytes(META_MAGIC + record.frame(META_FRAME, msgspec.msgpack.encode(body)))
    return copy


_UP = [
    "../../../../.bashrc",
    "d/../../../../../.bashrc",
    "../../mine/files/model.txt",
    "../segments",
    "..",
    "..\\..\\x",
]
_ELSEWHERE = ["/etc/passwd", "C:\\x", "../../../merged/x.parquet", "x.parquet"]
_NO_NAMES = ["", ".", "a\0b", "con", "\x1b[2J.parquet", "a" * 5000]
HOSTILE_NAMES = st.sampled_from([*_UP, *_ELSEWHERE, *_NO_NAMES])


@settings(max_examples=EXAMPLES, phases=[Phase.generate])
@given(data=st.data())
def test_a_meta_that_means_nothing_harms_nobody(sealed, tmp_path, data):
    theirs, meta = sealed
    root = tmp_path / f"m{next(numbers)}"
    shutil.copytree(theirs, root / "hostile")
    body = msgspec.msgpack.decode((theirs / meta).read_bytes()[HEAD_BYTES:])
    kind = data.draw(st.sampled_from(["changed", "named", "streams", "covers", "deep"]))
    if kind == "changed":
        body = data.draw(changed(body))
    elif kind == "named":
        name = data.draw(HOSTILE_NAMES)
        field = data.draw(st.sampled_from(["files", "name", "footers", "writer", "supersedes", "incarnation"]))
        if field == "files":
            body["files"] = {stream: name for stream in body["files"]}
            body["footers"] = {name: next(iter(body["footers"].values()))}
            body["checksums"] = {name: 0}
        elif field == "writer":
            body["covers"] = [[name, 0]]
        elif field == "supersedes":
            body["supersedes"] = [name]
        elif field == "footers":
            body["footers"] = dict.fromkeys([name], next(iter(body["footers"].values())))
        else:
            body[field] = name
    elif kind == "streams":
        body["writers"][0]["streams"] = data.draw(
            st.sampled_from(
                [[2**50, b""], [2**40, body["writers"][0].get("streams", [0, b""])[1]], [-1, b""], [0, b"x"], 5]
            )
        )
    elif kind == "covers":
        body["covers"] = [[body["covers"][0][0], data.draw(st.sampled_from([2**62, -1, 2**31, 10**7]))]]
    else:
        body["writers"][0]["header"]["x"] = msgspec.Raw(DEEP)
    repacked(root, meta, body)
    attacked(root, root / "hostile")
    shutil.rmtree(root)


@pytest.mark.parametrize(
    "name", ["files", "segments", "journal", "."], ids=["its files", "its segments", "its journal", "the run"]
)
def test_a_link_out_of_a_store_is_not_followed(sealed, tmp_path, name):
    theirs, _ = sealed
    shutil.copytree(theirs, tmp_path / "hostile")
    secrets = tmp_path / "secrets"
    secrets.mkdir()
    (secrets / "id_rsa").write_text("a private key")
    place = tmp_path / "hostile/bob/own/runs/told" / name
    if place.is_dir():
        shutil.rmtree(place)
    place.parent.mkdir(exist_ok=True)
    (place.parent / place.name if name != "." else place).symlink_to(secrets, target_is_directory=True)
    machine = Machine(tmp_path / "machine", tmp_path / "hostile")
    machine.run("--dir", str(machine.ours), "merge", str(machine.theirs))
    machine.run("--dir", str(machine.theirs), "pull", "bob/own/told")
    found = [file for file in machine.root.rglob("*") if file.is_file() and not file.is_symlink()]
    inside = [file for file in found if machine.theirs not in file.parents and b"a private key" in file.read_bytes()]
    assert inside == []
