"""A store in a folder: its paths, and the seams over them. `store.store` says what each method does."""

from __future__ import annotations

import os
from functools import cached_property
from typing import TYPE_CHECKING

from runlake.model import RunPath
from runlake.store.incarnation import claim_incarnation, read_claim
from runlake.store.journal.folder import FolderJournal, journal_of
from runlake.store.layout import Layout
from runlake.store.store_format import check_format, create_store

if TYPE_CHECKING:  # the training process does without Arrow, and who reads a run without what follows and sends
    from runlake.store.changes import FolderChanges
    from runlake.store.folder_files import FolderFiles
    from runlake.store.grants import GrantFiles
    from runlake.store.journal.served_files import ServedFiles
    from runlake.store.journal.shipped import Shipped
    from runlake.store.segment.folder import FolderSegments


class FolderStore(Layout):
    """The store below one folder; nothing is opened or made before it is needed."""

    @property
    def url(self) -> str:
        """``file:///…``"""
        return self.root.absolute().as_uri()

    @property
    def layout(self) -> Layout:
        return self

    def check_format(self) -> None:
        check_format(self)

    def create(self) -> None:
        create_store(self)

    def has_project(self, entity: str, project: str) -> bool:
        return self.project_dir(entity, project).is_dir()

    def project_made_at(self, entity: str, project: str) -> float:
        return self.project_dir(entity, project).stat().st_mtime

    def make_project(self, entity: str, project: str) -> None:
        self.make_project_dir(entity, project)

    def has_run(self, path: RunPath) -> bool:
        return self.run_dir(path).is_dir()

    def has_content(self, path: RunPath) -> bool:
        folders = (self.journal_dir(path), self.segments_dir(path))
        return any(folder.is_dir() and any(folder.iterdir()) for folder in folders)

    def make_run(self, path: RunPath) -> None:
        self.make_run_dir(path)

    def claim_incarnation(self, path: RunPath, candidate: str) -> str:
        return claim_incarnation(self, path, candidate)

    def read_claim(self, path: RunPath) -> str | None:
        return read_claim(self, path)

    def journal(self, path: RunPath) -> FolderJournal:
        return journal_of(self, path)

    def segments(self, path: RunPath) -> FolderSegments:
        from runlake.store.segment.folder import segments_of

        return segments_of(self, path)

    def packed(self, entity: str, project: str) -> FolderSegments:
        from runlake.store.segment.folder import packed_of

        return packed_of(self, entity, project)

    def served(self, path: RunPath) -> ServedFiles:
        from runlake.store.journal.served_files import ServedFiles

        return ServedFiles(self.journal_dir(path))

    def shipped(self, path: RunPath) -> Shipped | None:
        from runlake.store.journal.shipped import read_shipped

        return read_shipped(self.run_dir(path))

    def changes(self, entity: str, project: str) -> FolderChanges:
        from runlake.store.changes import changes_of

        return changes_of(self, entity, project)

    @property
    def grants(self) -> GrantFiles:
        from runlake.store.grants import GrantFiles

        return GrantFiles(self.root / ".catalog" / "grants")

    @cached_property
    def files(self) -> FolderFiles:
        from runlake.store.folder_files import FolderFiles

        return FolderFiles(self)

    def seal_soon(self, path: RunPath) -> None:
        if os.environ.get("RUNLAKE_SEAL") != "off":
            from runlake.store.side_process import start_detached

            start_detached("runlake.store.compact.after_finish", [str(self.run_dir(path))])
