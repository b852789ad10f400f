"""What is collected for an artifact before it is kept: entries by name, and the copies behind them.

What is added is copied at once, since a script may change or remove its file before it logs the artifact.
"""

from __future__ import annotations

import secrets
import weakref
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Protocol

from runlake.artifacts.entry import Entry
from runlake.artifacts.found_files import FoundFile
from runlake.artifacts.known_digests import KnownDigests
from runlake.artifacts.side_by_side import side_by_side, threads_for
from runlake.artifacts.staging import Staging, digest_file
from runlake.errors import BadValueError, NotFoundError


class Earlier(Protocol):
    """The files of a version that was kept before."""

    def entry(self, path: str, size_bytes: int) -> Entry | None:
        """The file of this name, if it has this size."""
        ...


class Contents:
    """The entries of a draft. `staging_folder` is asked when the first copy is made; None: a folder of its own.

    Files that hold what a version before has under their names are not copied: `earlier` is asked for that when the
    first file is added, and `open_known` for what is known of the files of a folder.

    With `keeps_inherited`, as an incremental artifact has it, what is removed need not be there: it may be of the
    version that the artifact is to go on with.
    """

    def __init__(
        self,
        staging_folder: Callable[[], Path | None],
        *,
        keeps_inherited: bool = False,
        earlier: Callable[[], Earlier | None] = lambda: None,
        open_known: Callable[[str], KnownDigests] = lambda _: KnownDigests(),
    ) -> None:
        self.artifact_id = secrets.token_hex(10)
        self.entries: dict[str, Entry] = {}
        self.removed: set[str] = set()
        self.origin: Contents | None = None
        self._staging_folder = staging_folder
        self._staging: Staging | None = None
        self._keeps_inherited = keeps_inherited
        self._objects: list[tuple[Any, Entry]] = []
        self._find_earlier, self._open_known = earlier, open_known
        self._earlier: list[Earlier | None] = []
        self._known: dict[str, KnownDigests] = {}

    def add_files(
        self, folder: str, files: Sequence[FoundFile], *, copies: bool, replaces: bool = False
    ) -> list[Entry]:
        """Add files from below a folder under their names, several at a time."""
        known = self._known.get(folder)
        if known is None:
            known = self._known[folder] = self._open_known(folder)
        if copies and not self._earlier:
            self._earlier.append(self._find_earlier())
        total_bytes = sum(file.size_bytes for file in files)
        made = side_by_side(
            lambda file: self._entry_of(file, known, copies=copies),
            files,
            count=threads_for(total_bytes, len(files)),
        )
        return [self.put(entry, replaces=replaces) for entry in made]

    def _entry_of(self, file: FoundFile, known: KnownDigests, *, copies: bool) -> Entry:
        if not copies:
            return Entry(file.inner, local_path=file.place, known=known)
        earlier = self._earlier[0]
        before = None if earlier is None else earlier.entry(file.inner, file.size_bytes)
        try:
            if before is not None:
                found = known.find(file.place, file.status) or digest_file(file.place, known)
                if (found.sha256, found.digest) == (before.sha256, before.digest):
                    before.known, before.same_at = known, file.place
                    return before
            copy, info = self.staging().copy(file.place, known)
        except OSError:  # no room for a copy: a training does not end for that, and the file may well stay as it is
            if not Path(file.place).is_file():
                raise
            return Entry(file.inner, local_path=file.place, known=known)
        return Entry(
            file.inner,
            info.digest,
            size=info.size_bytes,
            local_path=str(copy),
            sha256=info.sha256,
            is_owned=True,
            known=known,
        )

    def write(self, inner: str, content: bytes, *, replaces: bool = True) -> Entry:
        """A file of this content."""
        target = self.staging().place()
        target.write_bytes(content)
        return self.put(Entry(inner, local_path=str(target), is_owned=True), replaces=replaces)

    def remember(self, obj: Any, entry: Entry) -> None:
        """Note of which object an entry was made."""
        self._objects.append((obj, entry))

    def path_of(self, obj: Any) -> str | None:
        """Where this very object was added before; None where it was not, or is not there any more."""
        made = (entry for known, entry in self._objects if known is obj)
        return next((entry.path for entry in made if self.entries.get(entry.path) is entry), None)

    def put(self, entry: Entry, *, replaces: bool = False) -> Entry:
        """Add an entry; `BadValueError` where there is one of its name with another content."""
        before = self.entries.get(entry.path)
        if before is not None and not replaces and before.digest != entry.digest:
            raise BadValueError(
                f"the artifact has a file {entry.path!r} with another content already; "
                "add it with overwrite=True, or under another name"
            )
        self.entries[entry.path] = entry
        self.removed.discard(entry.path)
        return entry

    def remove(self, inner: str, title: str) -> None:
        """Take back what was added under a name, or below it; `NotFoundError` for nothing."""
        gone = [path for path in self.entries if path == inner or path.startswith(f"{inner}/")]
        if not gone and not self._keeps_inherited:
            raise NotFoundError(f"remove: no {inner!r} in artifact {title}")
        for path in gone:
            del self.entries[path]
        self.removed.add(inner)

    def inherit(self, entries: Sequence[Entry]) -> None:
        """Begin with these: those that were added or removed meanwhile are left out."""
        for entry in entries:
            is_removed = any(entry.path == name or entry.path.startswith(f"{name}/") for name in self.removed)
            if not is_removed:
                self.entries.setdefault(entry.path, entry)

    def staging(self) -> Staging:
        """Where copies are made; they go when nobody has these contents any more."""
        if self._staging is None:
            self._staging = Staging(self._staging_folder())
            weakref.finalize(self, self._staging.clear)
        return self._staging

    def local_name_of(self, file: Path) -> str | None:
        """Under which name a file was added that was not copied."""
        wanted = str(file.absolute())
        return next((path for path, entry in self.entries.items() if entry.local_path == wanted), None)

    def __getstate__(self) -> dict[str, Any]:
        # A copy, here or in another process, has the entries; the copies of files stay with whoever made them.
        return vars(self) | {"_staging": None, "_objects": [], "_known": {}, "_earlier": [None]}
