"""What the runs of another store did with artifacts, noted with the same runs here."""

from __future__ import annotations

from collections.abc import Mapping

from runlake.errors import NotFoundError, PathError, RunlakeError, StoreError
from runlake.model import RunPath
from runlake.store.artifacts.collection import read_artifact_id
from runlake.store.artifacts.lineage import RunLink, note_link, note_use, use_of
from runlake.store.folder_store import FolderStore
from runlake.store.merge.their_artifacts import read_links


def merge_lineage(
    layout: FolderStore,
    other: FolderStore,
    project: tuple[str, str],
    moved: Mapping[RunPath, RunPath],
    failures: list[RunlakeError],
) -> None:
    """Note what each run of a project did. What cannot be read of a run goes to `failures`; a run that is not here,
    since it was deleted, is left out."""
    for run_id in sorted(other.run_ids(*project)):
        there = RunPath(*project, run_id)
        here = moved.get(there, there)
        try:
            for relation, link in read_links(other, there):
                link = _as_it_is_here(layout, link)
                note_link(layout, here, relation, link)
                if relation == "used":
                    note_use(layout, link.artifact.collection, use_of(here, link))
        except NotFoundError:
            continue
        except (StoreError, PathError) as error:
            failures.append(error)


def _as_it_is_here(layout: FolderStore, link: RunLink) -> RunLink:
    """With the name that the collection of the version has here."""
    try:
        home = read_artifact_id(layout, link.artifact.version)
    except NotFoundError:
        return link
    return RunLink(at=link.at, artifact=home, use_as=link.use_as)
