"""Whatever is logged, deleted, restored, linked and collected, in any order: what is needed is there, and no more."""

import io
import shutil
import tempfile
import time
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, invariant, multiple, rule
from kept import MODEL, entries_of, md5_of, sha256_of, start_of

from artifact_contents import contents_of
from runlake.errors import NotFoundError
from runlake.service.local.service import LocalService
from runlake.store.artifacts.garbage import DRAFT_S, Age, collect_artifacts
from runlake.store.folder_store import FolderStore

SHELF = MODEL._replace(name="shelf")
NAMES = st.sampled_from([MODEL, MODEL._replace(name="data"), MODEL._replace(project="text")])
FILES = st.dictionaries(st.sampled_from("abc"), st.sampled_from([b"1", b"22", b"333", b""]), max_size=3)
AGES = st.sampled_from([0.0, 3 * 86_400.0])
TTL_S = 40 * 86_400.0
SOON_S, LATER_S = 7_200.0, 50 * 86_400.0
"""When contents are old and drafts are not; when everything is."""


class Artifacts(RuleBasedStateMachine):
    """What is done beside what must be there: `live` are versions, `deleted` may be restored, `drafts` go on."""

    drafts = Bundle("drafts")
    versions = Bundle("versions")

    @initialize()
    def begin_store(self):
        self.folder = Path(tempfile.mkdtemp())
        self.root = self.folder / "store"
        self.service = LocalService(self.root, default_entity="ann")
        self.live, self.deleted, self.mortal, self.put = {}, {}, set(), {}

    def teardown(self):
        if hasattr(self, "folder"):
            shutil.rmtree(self.folder)

    @rule(target=drafts, path=NAMES, files=FILES, is_mortal=st.booleans(), number=st.integers(0, 99))
    def begin(self, path, files, is_mortal, number):
        start = start_of({**files, f"n{number}": b"%d" % number}, type="any", ttl_s=TTL_S if is_mortal else None)
        info = self.service.begin_artifact(path, start)
        if info.state == "COMMITTED":
            return multiple()
        self.put[path.at(info.artifact_id)] = set()
        return path.at(info.artifact_id), {**files, f"n{number}": b"%d" % number}, is_mortal

    @rule(draft=drafts)
    def put_contents(self, draft):
        path, files, _ = draft
        if path in self.put:
            for content in files.values():
                self.service.put_content(path, io.BytesIO(content))
                self.put[path].add(content)

    @rule(target=versions, draft=drafts)
    def commit(self, draft):
        path, files, is_mortal = draft
        try:
            made = self.service.commit_artifact(path, entries_of(files))
        except NotFoundError:
            assert path not in self.put or not set(files.values()) <= self.put[path]
            return multiple()
        self.put.pop(path, None)
        if made.state == "DELETED" or made.artifact_id != path.version:
            return multiple()
        self.live[path] = files
        if is_mortal:
            self.mortal.add(path)
        return path

    @rule(path=versions)
    def delete(self, path):
        if path in self.live:
            self.service.delete_artifact(path)
            self.deleted[path] = self.live.pop(path), time.time()

    @rule(path=versions)
    def restore(self, path):
        if path in self.deleted:
            self.service.restore_artifact(path)
            self.live[path], _ = self.deleted.pop(path)
        elif path not in self.live:
            with pytest.raises(NotFoundError):
                self.service.restore_artifact(path)

    @rule(path=versions)
    def link(self, path):
        if path in self.live:
            linked = self.service.link_artifact(path, SHELF)
            assert contents_of(self.service, SHELF.at(linked.version)) == self.live[path]

    @rule(later_s=st.sampled_from([SOON_S, LATER_S]), older_than_s=AGES)
    def collect(self, later_s, older_than_s):
        assert SOON_S < DRAFT_S < LATER_S
        now_s = time.time() + later_s
        age = Age(now_s, older_than_s)
        said = sorted(collect_artifacts(FolderStore(self.root), age, is_dry_run=True), key=str)
        assert sorted(collect_artifacts(FolderStore(self.root), age), key=str) == said
        if later_s == LATER_S:
            self.put.clear()
            for path in self.mortal & self.live.keys():
                self.deleted[path] = self.live.pop(path), now_s
        self.deleted = {path: (files, at) for path, (files, at) in self.deleted.items() if now_s - at < older_than_s}
        needed = [content for files in self.needed() for content in files.values()]
        needed += [content for contents in self.put.values() for content in contents]
        assert self.contents() == set(map(sha256_of, needed))

    def needed(self):
        return [*self.live.values(), *(files for files, _ in self.deleted.values())]

    def contents(self):
        return {file.name for file in FolderStore(self.root).content_dir.rglob("*") if file.is_file()}

    @invariant()
    def every_version_reads_back_whole(self):
        for path, files in getattr(self, "live", {}).items():
            assert contents_of(self.service, path) == files
            assert {entry.digest for entry in self.service.read_manifest(path)} == set(map(md5_of, files.values()))


Artifacts.TestCase.settings = settings(
    max_examples=max(50, settings().max_examples // 5), stateful_step_count=12, deadline=None
)
TestArtifacts = pytest.mark.slow(Artifacts.TestCase)
