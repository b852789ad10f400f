"""One file of an artifact, or a reference to what lies elsewhere."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple, Protocol

from runlake.artifact_model import ContentInfo, ManifestEntry
from runlake.artifacts.known_digests import FileState, KnownDigests, state_of
from runlake.artifacts.staging import digest_file
from runlake.errors import BadValueError, NotFoundError, UsageError


class FetchOptions(NamedTuple):
    """How files are fetched; see `Artifact.download`."""

    allow_missing_references: bool = False
    skip_cache: bool = False
    hard_links: bool = False


class Home(Protocol):
    """The artifact that an entry is of."""

    def default_root(self) -> Path:
        """Where its files go unless somebody says otherwise."""
        ...

    def open(self, entry: Entry) -> BinaryIO:
        """The bytes of a file of it."""
        ...

    def fetch(self, entries: Sequence[Entry], root: Path, options: FetchOptions) -> None:
        """Bring these files below `root`."""
        ...


class Entry:
    """One file of an artifact, or with `ref` a reference; `path` is its name inside.

    `digest` is the MD5 of a file in base64; of a reference, what its place says of its content, or its address where
    nothing is known. `size` is in bytes. `local_path` is where a file lies that was added here.
    """

    def __init__(
        self,
        path: str,
        digest: str | None = None,
        ref: str | None = None,
        size: int | None = None,
        extra: Mapping[str, Any] | None = None,
        local_path: str | None = None,
        *,
        sha256: str | None = None,
        is_owned: bool = False,
        known: KnownDigests | None = None,
    ) -> None:
        self.path, self.ref, self.local_path = path, ref, local_path
        self.extra = dict(extra or {})
        self.sha256, self.is_owned, self.known = sha256, is_owned, known
        self._digest, self._size = digest, size
        self.same_at: str | None = None
        """A file of this machine that held the same when it was added, of an entry that is of another version."""
        self.home: Home | None = None
        self.path_at_home = path
        self._state: FileState | None = None

    @classmethod
    def of_manifest(cls, entry: ManifestEntry, home: Home) -> Entry:
        """That of a version which is kept."""
        made = cls(entry.path, entry.digest, entry.ref, entry.size_bytes, entry.extra, sha256=entry.sha256)
        made.home = home
        return made

    def described(self) -> ManifestEntry:
        """As a manifest has it, whose contents are found by their digests."""
        return ManifestEntry(path=self.path, digest=self.digest, size_bytes=self.size, ref=self.ref, extra=self.extra)

    def renamed(self, path: str) -> Entry:
        """The same under another name, in another artifact."""
        made = Entry(path, self._digest, self.ref, self._size, self.extra, self.local_path, sha256=self.sha256)
        made.home, made.path_at_home = self.home, self.path_at_home
        return made

    def read(self) -> bytes:
        """The content of a file of an artifact that is kept, without writing it anywhere."""
        if self.home is None:
            raise NotFoundError(f"{self.path!r} is of an artifact that is not kept yet; log that first")
        with self.home.open(self) as content:
            return content.read()

    def content(self) -> ContentInfo:
        """What the file holds; it is read if that is not known yet."""
        if self._digest is None or self._size is None or self.sha256 is None:
            if self.local_path is None:
                raise UsageError(f"the content of {self.path!r} is not on this machine")
            self._state = state_of(Path(self.local_path).stat())
            found = digest_file(self.local_path, self.known)
            self._digest, self._size, self.sha256 = found.digest, found.size_bytes, found.sha256
        return ContentInfo(sha256=self.sha256, digest=self._digest, size_bytes=self._size)

    def is_unchanged(self) -> bool:
        """Whether its file looks as it did before its content was read."""
        return self.local_path is not None and self._state == state_of(Path(self.local_path).stat())

    @property
    def name(self) -> str:
        """The same as `path`."""
        return self.path

    @property
    def digest(self) -> str:
        if self._digest is None:
            self._digest = (self.ref or "") if self.local_path is None else self.content().digest
        return self._digest

    @property
    def size(self) -> int:
        if self._size is None:
            return 0 if self.local_path is None else Path(self.local_path).stat().st_size
        return self._size

    def ref_target(self) -> str:
        """Where a reference leads; `BadValueError` for a file."""
        if self.ref is None:
            raise BadValueError(f"{self.path!r} is a file of the artifact, and no reference")
        return self.ref

    def ref_url(self) -> str:
        """The same as `ref_target`."""
        return self.ref_target()

    def download(
        self,
        root: str | Path | None = None,
        skip_cache: bool | None = None,
        allow_missing_references: bool = False,
        **ignored: Any,
    ) -> str:
        """Bring the file below `root`, by default the folder of the artifact, and answer where it lies.

        `UnsafeNameError` for a name that leads out of it, or that programs obey.
        """
        if self.home is None:
            raise NotFoundError(f"{self.path!r} is of an artifact that is not kept yet; log that first")
        folder = self.home.default_root() if root is None else Path(root)
        options = FetchOptions(allow_missing_references=allow_missing_references, skip_cache=bool(skip_cache))
        self.home.fetch([self], folder, options)
        return str(folder / self.path)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Entry) and self.described() == other.described()

    def __hash__(self) -> int:
        return hash(self.path)

    def __repr__(self) -> str:
        return f"<Entry {self.path}{'' if self.ref is None else f' → {self.ref}'}>"


class Manifest:
    """What an artifact is made of: its `entries` by their paths."""

    def __init__(self, entries: dict[str, Entry]) -> None:
        self.entries = entries

    def get_entry_by_path(self, path: str) -> Entry | None:
        """One entry; None where there is none."""
        return self.entries.get(path)

    def get_entries_in_directory(self, directory: str) -> list[Entry]:
        """Those below a folder of the artifact."""
        return [entry for path, entry in self.entries.items() if path.startswith(f"{directory.strip('/')}/")]

    def size(self) -> int:
        """Bytes of all entries."""
        return sum(entry.size for entry in self.entries.values())

    def __len__(self) -> int:
        return len(self.entries)

    def __repr__(self) -> str:
        return f"<Manifest of {len(self.entries):,} entries>"
