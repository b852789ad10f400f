"""Processes that end anywhere: a version is whole or absent, and the next process goes on."""

import io
import os
import signal

import pytest
from kept import MODEL, entries_of, keep, start_of
from stepping import EACH_STEP, AtStep

from artifact_contents import contents_of
from runlake.artifact_model import ArtifactEdit, CollectionEdit
from runlake.errors import NotFoundError
from runlake.model import RunPath
from runlake.service.local.service import LocalService
from runlake.store import disk

ID = "0123456789abcdef"
FILES = {"a": b"first", "b": b"second" * 100}
RUN = RunPath("ann", "vision", "maker")
RENAMED = MODEL._replace(name="renamed")


def opened(root):
    return LocalService(root, default_entity="ann", user="ann")


def killed_at_each_step(folder, prepare, work, stride=1):
    """The store after a process that did the work was killed, as nothing can be caught, before each of its steps.

    With a stride, before some of them.
    """
    number = 0
    while True:
        root = folder / f"at-{number}"
        prepare(root)
        pid = os.fork()
        if pid == 0:
            exit_code = 1
            try:
                with disk.watched(AtStep(number, lambda: os.kill(os.getpid(), signal.SIGKILL))):
                    work(root)
                exit_code = 0
            finally:
                os._exit(exit_code)
        _, status = os.waitpid(pid, 0)
        yield root
        if not os.WIFSIGNALED(status):
            assert (os.waitstatus_to_exitcode(status), number > 1) == (0, True)
            return
        number += stride


def nothing(root):
    root.mkdir(parents=True)


def one_version(root):
    keep(opened(root), {"a": b"before"}, aliases=("best",))


def log(root):
    """What any program does, and does again with the same id when it was cut off."""
    service = opened(root)
    info = service.begin_artifact(MODEL, start_of(FILES, artifact_id=ID, aliases=("latest",)))
    draft = MODEL.at(ID)
    if info.state == "PENDING":
        for content in FILES.values():
            service.put_content(draft, io.BytesIO(content))
        info = service.commit_artifact(draft, entries_of(FILES))
    return info


@pytest.mark.slow
@pytest.mark.parametrize(("prepare", "version"), [(nothing, "v0"), (one_version, "v1")])
@EACH_STEP
def test_who_logs_is_killed(tmp_path, prepare, version, stride):
    for root in killed_at_each_step(tmp_path, prepare, log, stride):
        service = opened(root)
        try:
            found = service.read_artifact(MODEL.at(version))
        except NotFoundError:
            found = None
        if found is not None:
            assert contents_of(service, MODEL.at(version)) == FILES
        info = log(root)
        assert (info.version, info.state, info.artifact_id) == (version, "COMMITTED", ID)
        assert contents_of(opened(root), MODEL.at(version)) == FILES
        if version == "v1":
            assert contents_of(opened(root), MODEL.at("v0")) == {"a": b"before"}
        assert [f for path, fs in opened(root).check("ann", "vision") for f in fs] == []


def edit(root):
    opened(root).edit_artifact(MODEL.at("v0"), ArtifactEdit(description="edited", add_aliases=("prod",)))


def test_who_edits_is_killed(tmp_path):
    for root in killed_at_each_step(tmp_path, one_version, edit):
        info = opened(root).read_artifact(MODEL.at("v0"))
        assert (info.description, info.aliases) in ((None, ("best",)), ("edited", ("best", "prod")))
        edit(root)
        assert opened(root).read_artifact(MODEL.at("prod")).description == "edited"


def test_who_deletes_a_version_is_killed(tmp_path):
    def delete(root):
        opened(root).delete_artifact(MODEL.at("v0"), delete_aliases=True)

    for root in killed_at_each_step(tmp_path, one_version, delete):
        service = opened(root)
        if service.list_artifacts(MODEL):
            assert contents_of(service, MODEL.at("best")) == {"a": b"before"}
            delete(root)
        assert opened(root).list_artifacts(MODEL) == []
        assert opened(root).restore_artifact(MODEL.at("v0")).version == "v0"
        assert contents_of(opened(root), MODEL.at("v0")) == {"a": b"before"}


@pytest.mark.slow
def test_who_deletes_a_collection_or_takes_it_back_is_killed(tmp_path):
    for root in killed_at_each_step(tmp_path / "deleting", one_version, lambda r: opened(r).delete_collection(MODEL)):
        assert opened(root).restore_artifact(MODEL.at("v0")).version == "v0"
        assert contents_of(opened(root), MODEL.at("v0")) == {"a": b"before"}
        assert [f for path, fs in opened(root).check("ann", "vision") for f in fs] == []

    def deleted(root):
        one_version(root)
        opened(root).delete_collection(MODEL)

    for root in killed_at_each_step(
        tmp_path / "restoring", deleted, lambda r: opened(r).restore_artifact(MODEL.at("v0"))
    ):
        assert opened(root).restore_artifact(MODEL.at("v0")).version == "v0"
        assert contents_of(opened(root), MODEL.at("best")) == {"a": b"before"}


@pytest.mark.slow
def test_who_renames_a_collection_is_killed(tmp_path):
    def rename(root):
        opened(root).edit_collection(MODEL, CollectionEdit(name=RENAMED.name))

    for root in killed_at_each_step(tmp_path, one_version, rename):
        names = [info.name for info in opened(root).list_collections("ann", "vision")]
        assert names in (["model"], ["renamed"])
        if names == ["model"]:
            rename(root)
        list(opened(root).repair("ann", "vision"))
        made = opened(root).read_artifact(RENAMED.at("best"))
        assert opened(root).find_artifact(made.artifact_id) == made
        assert contents_of(opened(root), RENAMED.at("v0")) == {"a": b"before"}
        assert [f for path, fs in opened(root).check("ann", "vision") for f in fs] == []
