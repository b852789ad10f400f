"""Which contents are needed: those that a manifest names, or that were put for a draft; also in the trash."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from pathlib import Path

from runlake.store.artifacts.drafts import contents_received
from runlake.store.artifacts.manifest import contents_in
from runlake.store.disk import TEMPORARY_PREFIX, list_names, read_whole
from runlake.store.layout import Layout


class NamingFiles:
    """The files of a store that name contents, each read once as it is; `left_out` are files and folders that go."""

    def __init__(self, layout: Layout, left_out: Collection[Path]) -> None:
        self._layout, self._left_out = layout, left_out
        self._read: dict[Path, tuple[int, int, int]] = {}

    def take_named_from(self, contents: dict[str, int]) -> None:
        """Take out of `contents`, by SHA-256, those that are needed. What was read before says nothing new.

        `StoreError` for a manifest that cannot be read. A collection that is moved meanwhile is found where it was or
        where it is: they are listed until nothing is new.
        """
        is_new = bool(contents)
        while is_new:
            is_new = False
            for file in self._files():
                try:
                    status = file.stat()
                    stamp = (status.st_ino, status.st_mtime_ns, status.st_size)
                    if self._read.get(file) == stamp:
                        continue
                    named = self._named_in(file)
                except FileNotFoundError:
                    continue
                for sha256 in named:
                    contents.pop(sha256, None)
                self._read[file] = stamp
                is_new = True

    def _named_in(self, file: Path) -> Iterator[str]:
        content = read_whole(file)
        if file.suffix == ".received":
            return (received.sha256 for received in contents_received(content))
        return contents_in(content, str(file))

    def _files(self) -> Iterator[Path]:
        root = self._layout.root
        for pattern in ("*/*/artifacts/*", f"{self._layout.trash_dir.name}/*"):
            for folder in root.glob(pattern):
                if folder in self._left_out:
                    continue
                for subfolder, suffix in (("manifests", ".jsonl"), ("drafts", ".received")):
                    for name in list_names(folder / subfolder):
                        file = folder / subfolder / name
                        is_ours = name.endswith(suffix) and not name.startswith(TEMPORARY_PREFIX)
                        if is_ours and file not in self._left_out:
                            yield file
