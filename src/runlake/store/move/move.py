"""A whole store into another: a folder into a cluster, or back.

Runs first, then what else a project has, then the contents of artifacts before the versions that name them. Deleted
runs stay where they are; that they were deleted comes along.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from runlake.artifact_model import ManifestEntry
from runlake.errors import NotFoundError, RunlakeError
from runlake.model import RunPath
from runlake.store.artifacts.content import Contents
from runlake.store.artifacts.manifest import decode_manifest
from runlake.store.layout import encode_name
from runlake.store.move.run import Moved, RunMove
from runlake.store.move.tree import copy_file, copy_folder
from runlake.store.store import Store

Report = Callable[[int, int], None]
"""Told how many runs were moved, and of how many."""


class StoreMove:
    """What `source` holds into `target`; doing it again copies what is missing. `force` as in `run.RunMove`."""

    def __init__(
        self, source: Store, target: Store, contents: tuple[Contents, Contents], *, force: bool = False
    ) -> None:
        self._source, self._target, self._force = source, target, force
        self._their_contents, self._our_contents = contents

    def move(self, report: Report = lambda done, total: None) -> Iterator[Moved]:
        """Yields each run, and each project with an empty run id, when it is there.

        Runs that cannot be moved do not stop the others; the first of their errors is raised at the end.
        """
        self._target.create()
        projects = [(owner, name) for owner in self._source.entities() for name in self._source.projects(owner)]
        paths = [RunPath(*project, run_id) for project in projects for run_id in sorted(self._source.run_ids(*project))]
        failures: list[RunlakeError] = []
        for done, path in enumerate(paths, 1):
            try:
                yield RunMove(self._source, self._target, path, force=self._force).move()
            except NotFoundError:
                pass  # deleted since it was listed, or nothing was written
            except RunlakeError as error:
                failures.append(error)
            report(done, len(paths))
        for project in projects:
            yield self._move_project(*project)
        if failures:
            raise failures[0]

    def _move_project(self, entity: str, project: str) -> Moved:
        theirs, ours = self._source.layout, self._target.layout
        self._target.make_project(entity, project)
        copied_bytes = self._move_contents(entity, project)
        here, there = theirs.project_dir(entity, project), ours.project_dir(entity, project)
        for folder in ("sweeps", "artifacts", "views"):
            copied_bytes += copy_folder(theirs.tree, here / folder, ours.tree, there / folder)
        for _, name in self._source.changes(entity, project).latest_deaths().values():
            self._target.changes(entity, project).append(name)
        return Moved(path=RunPath(entity, project, ""), copied_bytes=copied_bytes, is_new=copied_bytes > 0)

    def _move_contents(self, entity: str, project: str) -> int:
        """The bytes that the versions of a project are made of, and where its artifacts are found by their ids."""
        theirs = self._source.layout
        collections = theirs.collections_dir(entity, project)
        copied_bytes = 0
        for name in theirs.collection_names(entity, project):
            folder = collections / encode_name(name) / "manifests"
            for file in theirs.tree.list_names(folder):
                manifest = decode_manifest(theirs.tree.read(folder / file), str(folder / file))
                copied_bytes += sum(self._move_content(entry) for entry in manifest)
                copied_bytes += self._move_id(file.removesuffix(".jsonl"))
        return copied_bytes

    def _move_content(self, entry: ManifestEntry) -> int:
        if entry.sha256 is None or self._our_contents.has(entry.sha256, entry.size_bytes):
            return 0
        with self._their_contents.open(entry.sha256, entry.size_bytes) as content:
            return self._our_contents.put(content).size_bytes

    def _move_id(self, artifact_id: str) -> int:
        theirs, ours = self._source.layout, self._target.layout
        source, target = theirs.artifact_ids_dir / artifact_id, ours.artifact_ids_dir / artifact_id
        if theirs.tree.size_bytes(source) is None:
            return 0
        ours.tree.make_folder(ours.artifact_ids_dir)
        return copy_file(theirs.tree, source, ours.tree, target)
