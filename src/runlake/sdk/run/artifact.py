"""`Artifact`: files that belong together, collected before a run keeps them.

What is added is copied at once, since a script may change or remove its file before it logs the artifact;
``policy="immutable"`` promises that it does not, and saves the copy.
"""

from __future__ import annotations

import hashlib
import re
import shutil
import weakref
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import IO, TYPE_CHECKING, Any, Literal, NamedTuple, Protocol
from urllib.parse import urlsplit

from runlake.errors import BadValueError, NotFoundError, NotSupportedError, UsageError
from runlake.sdk.active_run import active_run
from runlake.sdk.run.artifact_entry import Entry, Manifest, inner_name, local_path_of
from runlake.sdk.run.artifact_staging import Staging
from runlake.sdk.run.inert import Inert
from runlake.settings import current_folder

if TYPE_CHECKING:
    from runlake.media.stored import Media

_NAME = re.compile(r"[a-zA-Z0-9_\-.]+")
Policy = Literal["mutable", "immutable"]
_LATER = {
    "collection", "commit_hash", "digest_algorithm", "history_step", "json_encode", "linked_artifacts", "linked_at",
    "logged_by", "source_artifact", "source_collection", "unlink", "url", "used_by",
}  # fmt: skip
"""What W&B's have, for which versions would have to know of each other."""


class NotSupportedAttributeError(NotSupportedError, AttributeError):
    """A member that W&B has and runlake has not yet: `hasattr` says no, and using it names it."""


class Place(NamedTuple):
    """Where an artifact is kept: whose it is, and as which version."""

    entity: str
    project: str
    run_id: str
    version: str


class Keeper(Protocol):
    """Who keeps an artifact."""

    def note(self, artifact: Artifact) -> None:
        """Write down what is known of it."""

    def drop(self, artifact: Artifact) -> None:
        """Remove it."""


class Artifact:
    """Files with a name, a type and metadata, to be kept by ``run.log_artifact(artifact)``.

    Before that `version` is None and files can be added; after it they lie with the run, and `name` has the version
    behind a colon. `incremental` and `use_as` have no meaning here.
    """

    def __init__(
        self,
        name: str,
        type: str,
        description: str | None = None,
        metadata: Mapping[str, Any] | None = None,
        incremental: bool = False,
        use_as: str | None = None,
        **ignored: Any,
    ) -> None:
        if not isinstance(name, str) or not _NAME.fullmatch(name) or name in (".", "..") or len(name) > 128:
            raise BadValueError(
                f"an artifact cannot be called {name!r}; use up to 128 letters, digits, dashes, dots, underscores"
            )
        self.base_name = name
        self.type = type
        self.description = description
        self.metadata: dict[str, Any] = dict(metadata or {})
        self.incremental, self.use_as = incremental, use_as
        self.aliases: list[str] = []
        self.tags: list[str] = []
        self.ttl: Any = None
        self.distributed_id: str | None = None
        self.created_at: str | None = None
        self.place: Place | None = None
        self._keeper: Keeper | None = None
        self._entries: dict[str, Entry] = {}
        self._staging: Staging | None = None
        self._origin: Artifact | None = None

    # Adding

    def add_file(
        self,
        local_path: str | Path,
        name: str | None = None,
        is_tmp: bool | None = False,
        skip_cache: bool | None = False,
        policy: Policy | None = "mutable",
        overwrite: bool = False,
    ) -> Entry:
        """Add one file, as `name`, or as it is called. Raises `BadValueError` for a path that is no file."""
        source = Path(local_path)
        if not source.is_file():
            raise BadValueError(f"add_file: {str(local_path)!r} is no file, seen from {current_folder()}")
        inner = inner_name(name or source.name)
        if policy == "immutable" or active_run.is_disabled():
            return self._put(Entry(inner, str(source.absolute())))
        try:
            target = self._stage()
            shutil.copyfile(source, target)
        except OSError:  # no room for a copy: a training does not end for that, and the file may well stay as it is
            return self._put(Entry(inner, str(source.absolute())))
        return self._put(Entry(inner, str(target)))

    def add_dir(
        self,
        local_path: str | Path,
        name: str | None = None,
        skip_cache: bool | None = False,
        policy: Policy | None = "mutable",
        merge: bool = False,
    ) -> None:
        """Add all files of a folder, by their paths in it; with `name` below a folder of that name."""
        folder = Path(local_path)
        if not folder.is_dir():
            raise BadValueError(f"add_dir: {str(local_path)!r} is no folder, seen from {current_folder()}")
        for file in sorted(folder.rglob("*")):
            if file.is_file():
                self.add_file(file, str(PurePosixPath(name or "") / file.relative_to(folder).as_posix()), policy=policy)

    @contextmanager
    def new_file(
        self, name: str, mode: str = "x", encoding: str | None = None, policy: Policy = "mutable"
    ) -> Iterator[IO[Any]]:
        """A new file to write into, added when it is closed without an error."""
        inner = inner_name(name)
        target = self._stage()
        with target.open(mode, encoding=encoding or (None if "b" in mode else "utf-8")) as file:
            yield file
        self._put(Entry(inner, str(target)))

    def add(self, obj: Media, name: str | Path, overwrite: bool = False) -> Entry:
        """Add an object that can be logged, as a Table or an Image; `get` gives it back."""
        from runlake.media.table import as_media
        from runlake.values import encode_json

        media = as_media(obj)
        if media is None:
            raise BadValueError(
                f"add: {obj!r:.80} is no Table, Image or other object of a data type; use add_file(path)"
            )
        stored = media.stored(self._write, str(name), 0)
        inner = f"{inner_name(str(name))}.{stored['_type'].removesuffix('-file')}.json"
        self._write(inner, encode_json(stored).encode())
        return self._entries[inner]

    def add_reference(
        self,
        uri: Entry | str,
        name: str | Path | None = None,
        checksum: bool = True,
        max_objects: int | None = None,
    ) -> Sequence[Entry]:
        """Note where something lies that is not copied: ``s3://…``, ``https://…``, ``file://…``."""
        address = uri if isinstance(uri, str) else uri.ref or Path(uri.local_path or "").as_uri()
        inner = inner_name(str(name) if name else PurePosixPath(urlsplit(address).path).name or address)
        return [self._put(Entry(inner, ref=address))]

    def remove(self, item: str | Path | Entry) -> None:
        """Take back what was added under a name, or below it."""
        self._check_open("remove")
        inner = item.path if isinstance(item, Entry) else inner_name(str(item))
        gone = [path for path in self._entries if path == inner or path.startswith(f"{inner}/")]
        if not gone:
            raise NotFoundError(f"remove: no {inner!r} in artifact {self.name}")
        for path in gone:
            del self._entries[path]

    def _check_open(self, call: str) -> None:
        if self.place is not None:
            raise UsageError(f"{call}() on artifact {self.name}, which is kept already; make another with new_draft()")

    def _put(self, entry: Entry) -> Entry:
        self._check_open("add")
        self._entries[entry.path] = entry
        return entry

    def _write(self, inner: str, content: bytes) -> None:
        target = self._stage()
        target.write_bytes(content)
        self._put(Entry(inner, str(target)))

    def _stage(self) -> Path:
        self._check_open("add")
        if self._staging is None:
            self._staging = Staging(active_run.run)
            weakref.finalize(self, self._staging.clear)
        return self._staging.place()

    def is_staged(self, entry: Entry) -> bool:
        """Whether the file of an entry is a copy that nobody else needs."""
        return (
            self._staging is not None and entry.local_path is not None and self._staging.holds(Path(entry.local_path))
        )

    # What it is

    @property
    def name(self) -> str:
        return self.base_name if self.place is None else f"{self.base_name}:{self.place.version}"

    @property
    def version(self) -> str | None:
        return None if self.place is None else self.place.version

    @property
    def entity(self) -> str | None:
        return None if self.place is None else self.place.entity

    @property
    def project(self) -> str | None:
        return None if self.place is None else self.place.project

    @property
    def qualified_name(self) -> str:
        return self.name if self.place is None else f"{self.place.entity}/{self.place.project}/{self.name}"

    source_name = name
    source_version = version
    source_entity = entity
    source_project = project
    source_qualified_name = qualified_name

    @property
    def id(self) -> str | None:
        return None if self.place is None else f"{self.place.run_id}/{self.name}"

    @property
    def state(self) -> str:
        return "PENDING" if self.place is None else "COMMITTED"

    @property
    def manifest(self) -> Manifest:
        return Manifest(self._entries)

    @property
    def digest(self) -> str:
        """The MD5 of names and contents, so that two artifacts of the same files have the same."""
        lines = "".join(f"{path}:{entry.digest}\n" for path, entry in sorted(self._entries.items()))
        return hashlib.md5(lines.encode(), usedforsecurity=False).hexdigest()

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(entry.size for entry in self._entries.values())

    @property
    def file_count(self) -> int:
        return len(self._entries)

    @property
    def updated_at(self) -> str | None:
        return self.created_at

    @property
    def is_link(self) -> bool:
        return False

    def is_draft(self) -> bool:
        """Whether no run keeps it yet."""
        return self.place is None

    def wait(self, timeout: float | None = None) -> Artifact:
        """The artifact itself: `log_artifact` is done when it returns."""
        return self

    def finalize(self) -> None:
        """Do nothing: `log_artifact` takes what has been added by then."""

    def save(self, project: str | None = None, settings: Any = None) -> None:
        """Keep it with the active run; of a kept one the changed description, metadata, aliases and tags."""
        if self._keeper is not None:
            self._keeper.note(self)
        elif self.place is None:
            active_run.needed_for("Artifact.save").log_artifact(self)

    def delete(self, delete_aliases: bool = False) -> None:
        """Remove its files from the run that keeps them; aliases go with it."""
        if self._keeper is not None:
            self._keeper.drop(self)

    def new_draft(self) -> Artifact:
        """Another one of the same name with the same files, to which more can be added."""
        draft = Artifact(self.base_name, self.type, self.description, self.metadata)
        draft._entries = dict(self._entries)
        draft._origin = self  # its copies are there as long as it is
        return draft

    def settle(self, place: Place, entries: Mapping[str, Entry], keeper: Keeper | None) -> None:
        """Called when it is kept: from now on its files are those of the run. A disabled run has no `keeper`."""
        self.place, self._entries, self._keeper = place, dict(entries), keeper

    # Getting files out

    def files(self, names: Sequence[str] | None = None, per_page: int = 50, start: str | None = None) -> list[Entry]:
        """Its entries, or those of `names`."""
        return [entry for path, entry in self._entries.items() if names is None or path in names]

    def get_entry(self, name: str | Path) -> Entry:
        """One entry; `NotFoundError` names those there are."""
        found = self._entries.get(inner_name(str(name)))
        if found is None:
            there = ", ".join(self._entries) or "nothing"
            raise NotFoundError(f"no {str(name)!r} in artifact {self.name}; it has {there:.500}")
        return found

    get_path = get_entry

    def get(self, name: str) -> Any:
        """An object that was added under `name`; None when there is none."""
        from runlake.media.read import read_media
        from runlake.values import decode_json

        pattern = re.compile(re.escape(inner_name(name)) + r"(\.[\w-]+\.json)?")
        path = next((path for path in self._entries if pattern.fullmatch(path) and path.endswith(".json")), None)
        if path is None:
            return None
        stored = decode_json(Path(self._entries[path].local_path or "").read_text("utf-8"))
        return read_media(stored, lambda file: Path(self.get_entry(file).local_path or "").open("rb"))

    def get_added_local_path_name(self, local_path: str) -> str | None:
        """Under which name a file was added with ``policy="immutable"``."""
        wanted = str(Path(local_path).absolute())
        return next((path for path, entry in self._entries.items() if entry.local_path == wanted), None)

    def download(
        self,
        root: str | Path | None = None,
        allow_missing_references: bool = False,
        skip_cache: bool | None = None,
        path_prefix: str | Path | None = None,
        multipart: bool | None = None,
    ) -> str:
        """Copy its files below `root`, by default ``./artifacts/<name>``, and answer that folder.

        References stay what they are: only those to local files are copied.
        """
        folder = Path(root or Path("artifacts") / self.name)
        folder.mkdir(parents=True, exist_ok=True)
        for path, entry in self._entries.items():
            is_wanted = path_prefix is None or path.startswith(str(path_prefix))
            if is_wanted and (entry.local_path or local_path_of(entry.ref or "")):
                entry.download(folder)
        return str(folder)

    checkout = download

    def file(self, root: str | Path | None = None) -> str:
        """Its only file, copied below `root`; `BadValueError` where it has several or none."""
        if len(self._entries) != 1:
            raise BadValueError(
                f"artifact {self.name} has {len(self._entries)} files; use download() or get_entry(name)"
            )
        return next(iter(self._entries.values())).download(root or Path("artifacts") / self.name)

    def verify(self, root: str | Path | None = None) -> None:
        """Compare the files below `root` with its own; `BadValueError` names the first that differs."""
        folder = Path(root or Path("artifacts") / self.name)
        for path, entry in self._entries.items():
            if entry.local_path is not None:
                copy = folder / path
                if not copy.is_file() or Entry(path, str(copy)).digest != entry.digest:
                    raise BadValueError(f"{str(copy)!r} is not the file {path!r} of artifact {self.name}")

    def link(self, target_path: str, aliases: Sequence[str] | None = None) -> Artifact:
        """As ``run.link_artifact``."""
        linked: Artifact = active_run.needed_for("Artifact.link").link_artifact(self, target_path, list(aliases or []))
        return linked

    def __getattr__(self, name: str) -> Any:
        if name not in _LATER:
            raise AttributeError(f"an Artifact has no attribute {name!r}")
        if active_run.is_disabled():
            return Inert()
        raise NotSupportedAttributeError(f"Artifact.{name} is not supported yet by runlake")

    def __repr__(self) -> str:
        return f"<Artifact {self.qualified_name} ({self.type}, {len(self._entries)} files)>"
