"""`Artifact`: files that belong together, with a name, a type, versions, aliases and lineage.

The same class is what people build and what they get: until a run keeps it files can be added; from then on it is one
version of its collection, and can be fetched, linked, described, deleted.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Literal

from runlake.artifacts.contents import Contents
from runlake.artifacts.entry import Entry, FetchOptions
from runlake.artifacts.facts import ArtifactFacts
from runlake.artifacts.found_files import FoundFile, find_files, found_file
from runlake.artifacts.kept import Kept, KeptVersion
from runlake.artifacts.known_digests import KnownDigests, open_known_digests
from runlake.artifacts.names import check_name, inner_name, parse_collection
from runlake.errors import BadValueError, NotFoundError, UsageError
from runlake.near import near_names
from runlake.sdk.active_run import active_run
from runlake.settings import current_folder
from runlake.store.location import user_cache_dir

if TYPE_CHECKING:
    from runlake.artifacts.collection import ArtifactCollection

Policy = Literal["mutable", "immutable"]


class Artifact(ArtifactFacts):
    """Files with a name, a type and metadata, to be kept by ``run.log_artifact(artifact)``.

    Before that `version` is None and files can be added; after it `name` has the version behind a colon. With
    `incremental` it begins with the files of the latest version. `metadata` is plain data, up to 100 keys as a rule.
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
        contents = Contents(
            active_run.folder_for_copies,
            keeps_inherited=incremental,
            earlier=partial(active_run.earlier_files, name),
            open_known=_known_digests,
        )
        super().__init__(check_name(name), type, contents)
        self.description = description
        self.metadata = dict(metadata or {})
        self.incremental, self.use_as = incremental, use_as

    @classmethod
    def of(cls, kept: Kept) -> Artifact:
        """A version that is kept."""
        made = cls.__new__(cls)
        ArtifactFacts.__init__(made, kept.info.name, kept.info.type, Contents(lambda: None))
        made.settle(kept)
        return made

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
        """Add one file, as `name`, or as it is called.

        It is copied now; ``policy="immutable"`` promises that it does not change, and saves the copy. Raises
        `BadValueError` for a path that is no file, and for a name that another content has, unless `overwrite`.
        """
        self._check_open("add_file")
        source = Path(local_path)
        found = found_file(source, inner_name(name or source.name)) if source.is_file() else None
        if found is None:
            raise BadValueError(f"add_file: {str(local_path)!r} is no file, seen from {current_folder()}")
        return self._add(source.parent, [found], policy, overwrite)[0]

    def add_dir(
        self,
        local_path: str | Path,
        name: str | None = None,
        skip_cache: bool | None = False,
        policy: Policy | None = "mutable",
        merge: bool = False,
    ) -> None:
        """Add all files of a folder, by their paths in it; with `name` below a folder of that name.

        With `merge`, a file whose content changed since it was added takes the place of that.
        """
        self._check_open("add_dir")
        folder = Path(local_path)
        if not folder.is_dir():
            raise BadValueError(f"add_dir: {str(local_path)!r} is no folder, seen from {current_folder()}")
        self._add(folder, find_files(folder, name), policy, merge)

    def _add(self, folder: Path, files: list[FoundFile], policy: Policy | None, replaces: bool) -> list[Entry]:
        if policy not in ("mutable", "immutable", None):
            raise BadValueError(f'policy={policy!r}; possible: "mutable", "immutable"')
        is_disabled = active_run.is_disabled()
        copies = policy != "immutable" and not is_disabled
        return self._contents.add_files(str(folder), files, copies=copies, replaces=replaces or is_disabled)

    @contextmanager
    def new_file(
        self, name: str, mode: str = "x", encoding: str | None = None, policy: Policy = "mutable"
    ) -> Iterator[IO[Any]]:
        """A new file to write into, added when it is closed without an error."""
        self._check_open("new_file")
        inner = inner_name(name)
        target = self._contents.staging().place()
        with target.open(mode, encoding=encoding or (None if "b" in mode else "utf-8")) as file:
            yield file
        self._contents.put(Entry(inner, local_path=str(target), is_owned=True), replaces=active_run.is_disabled())

    def add(self, obj: Any, name: str | Path, overwrite: bool = False) -> Entry:
        """Add an object that can be logged, as a Table or an Image; `get` gives it back."""
        from runlake.artifacts.objects import add_object

        self._check_open("add")
        return add_object(self._contents, obj, inner_name(name), overwrite=overwrite)

    def add_reference(
        self,
        uri: Entry | str | Path,
        name: str | Path | None = None,
        checksum: bool = True,
        max_objects: int | None = None,
    ) -> Sequence[Entry]:
        """Note where something lies that is not copied: ``file://…``, ``https://…``, ``s3://…``, ``gs://…``.

        With `checksum` it is looked at, so that `download` notices when it changed: the content of files, the ETag of
        what a server has. A folder is noted file by file, up to `max_objects` of them. An entry of another artifact
        is taken with its bytes.
        """
        from runlake.artifacts.references import look_at

        self._check_open("add_reference")
        if isinstance(uri, Entry):
            return [self._contents.put(uri.renamed(inner_name(name or uri.path)))]
        found = look_at(str(uri), name, checksum=checksum and not active_run.is_disabled(), max_objects=max_objects)
        return [self._contents.put(entry) for entry in found]

    def remove(self, item: str | Path | Entry) -> None:
        """Take back what was added under a name, or below it."""
        self._check_open("remove")
        self._contents.remove(item.path if isinstance(item, Entry) else inner_name(item), self.name)

    def _check_open(self, call: str) -> None:
        if self._kept is not None:
            raise UsageError(f"{call}() on artifact {self.name}, which is kept already; make another with new_draft()")

    def get_added_local_path_name(self, local_path: str) -> str | None:
        """Under which name a file was added with ``policy="immutable"``."""
        return self._contents.local_name_of(Path(local_path))

    @property
    def contents(self) -> Contents:
        """What was collected; for whoever keeps it."""
        return self._contents

    # Keeping and changing

    def save(self, project: str | None = None, settings: Any = None) -> None:
        """Keep it with the active run; of a version that is kept, what was set since."""
        if self._kept is None:
            active_run.needed_for("Artifact.save").log_artifact(self)
        else:
            self._kept.edit(self.changes())
            self.settle(self._kept)

    def wait(self, timeout: float | None = None) -> Artifact:
        """The artifact itself, as soon as it is where it is to go; `timeout` in seconds."""
        if self._kept is not None:
            self._kept.wait(timeout)
        return self

    def finalize(self) -> None:
        """Do nothing: `log_artifact` takes what has been added by then."""

    def delete(self, delete_aliases: bool = False) -> None:
        """Delete the version; of a link only that. `ConflictError` while it has aliases, unless they go too."""
        kept = self._needed("delete")
        kept.delete(delete_aliases=delete_aliases)

    def link(self, target_path: str, aliases: Sequence[str] | None = None) -> Artifact:
        """Link the version to a portfolio, ``name``, ``project/name`` or ``entity/project/name``: answers the link."""
        if self._kept is None:
            linked: Artifact = active_run.needed_for("Artifact.link").link_artifact(self, target_path, aliases)
            return linked
        target = parse_collection(target_path, self._kept.info.entity, self._kept.info.project)
        info = self._kept.link(target, [aliases] if isinstance(aliases, str) else list(aliases or []))
        return self._like(info)

    def unlink(self) -> None:
        """Take the link out of its portfolio; `UsageError` for a version at home, which `delete` deletes."""
        kept = self._needed("unlink")
        if isinstance(kept, KeptVersion) and not self.is_link:
            raise UsageError(f"unlink() on artifact {self.name}, which is no link of a portfolio; delete() deletes it")
        kept.delete(delete_aliases=True)

    def new_draft(self) -> Artifact:
        """Another one of the same name with the same files, to which more can be added."""
        draft = Artifact(self._base_name, self._type, self.description, self.metadata)
        draft.ttl = self.ttl
        draft._contents.inherit(list(self._entries().values()))
        draft._contents.origin = self._contents  # its copies are there as long as those are
        return draft

    def _needed(self, call: str) -> Kept:
        if self._kept is None:
            raise UsageError(f"{call}() on artifact {self.name}, which is kept nowhere yet; log it first")
        return self._kept

    def _like(self, info: Any) -> Artifact:
        return Artifact.of(self._kept.at(info)) if isinstance(self._kept, KeptVersion) else self

    # Where it comes from, and who used it

    def logged_by(self) -> Any:
        """The run that made it, as `Api.run` gives it; None where none did, or it is gone."""
        return self._needed("logged_by").logged_by()

    def used_by(self) -> list[Any]:
        """The runs that used it, as `Api.run` gives them."""
        return self._needed("used_by").used_by()

    @property
    def source_artifact(self) -> Artifact:
        """The version at home: itself, unless it is a link."""
        if not self.is_link or not isinstance(self._kept, KeptVersion) or self._source is None:
            return self
        return self._like(self._kept.service.read_artifact(self._source))

    @property
    def linked_artifacts(self) -> list[Artifact]:
        """The links to it, in the portfolios of its entity: all of them are looked at."""
        if not isinstance(self._kept, KeptVersion):
            return []
        return [self._like(info) for info in self._kept.links()]

    @property
    def collection(self) -> ArtifactCollection:
        """The collection of which it is a version."""
        from runlake.artifacts.collection import ArtifactCollection

        kept = self._needed("collection")
        if not isinstance(kept, KeptVersion):
            raise UsageError("a disabled run has no collections")
        return ArtifactCollection(kept.service, kept.service.read_collection(kept.info.collection), self._like)

    @property
    def source_collection(self) -> ArtifactCollection:
        """The collection where it is at home."""
        return self.source_artifact.collection

    @property
    def url(self) -> str | None:
        """Where it is: below ``file://…`` for a folder, below the address of a server."""
        return self._kept.address() if isinstance(self._kept, KeptVersion) else None

    # Getting files out

    def files(self, names: Sequence[str] | None = None, per_page: int = 50, start: str | None = None) -> list[Entry]:
        """Its entries, or those of `names`."""
        return [entry for path, entry in self._entries().items() if names is None or path in names]

    def get_entry(self, name: str | Path) -> Entry:
        """One entry; `NotFoundError` names those there are."""
        entries = self._entries()
        found = entries.get(inner_name(name))
        if found is None:
            near = near_names(str(name), list(entries))
            hint = (
                f"did you mean {' or '.join(map(repr, near))}?" if near else f"it has {', '.join(entries) or 'nothing'}"
            )
            raise NotFoundError(f"no {str(name)!r} in artifact {self.name} ({len(entries):,} files); {hint:.500}")
        return found

    get_path = get_entry

    def get(self, name: str) -> Any:
        """An object that was added under `name`; None when there is none."""
        from runlake.artifacts.objects import read_object

        return read_object(self._entries(), inner_name(name), self._open)

    def _open(self, entry: Entry) -> Any:
        if entry.local_path is not None:
            return Path(entry.local_path).open("rb")
        home = self._kept or entry.home
        assert home is not None, "an entry without a file of this machine is of a version that is kept"
        return home.open(entry)

    def download(
        self,
        root: str | Path | None = None,
        allow_missing_references: bool = False,
        skip_cache: bool | None = None,
        path_prefix: str | Path | None = None,
        multipart: bool | None = None,
        *,
        hard_links: bool = False,
    ) -> str:
        """Bring its files below `root`, by default ``./artifacts/<name>:<version>``, and answer that folder.

        Several come at a time, each is compared with the digest it was logged with, and what is there already does not
        come again. With `hard_links` files of a folder store are not copied: they are the store's own, and read-only.
        `CorruptError` for a file that was altered where it is kept, `BadValueError` for a reference that leads to
        something else by now.
        """
        kept = self._needed("download")
        folder = self._root(root)
        prefix = None if path_prefix is None else str(path_prefix)
        wanted = [entry for path, entry in self._entries().items() if prefix is None or path.startswith(prefix)]
        kept.fetch(wanted, folder, FetchOptions(allow_missing_references, bool(skip_cache), hard_links))
        return str(folder)

    def checkout(self, root: str | Path | None = None) -> str:
        """As `download`, and remove what else is below `root`: it holds the files of the artifact and no others."""
        folder = Path(self.download(root))
        wanted = set(self._entries())
        for file in sorted(folder.rglob("*"), reverse=True):
            if not file.is_dir() and file.relative_to(folder).as_posix() not in wanted:
                file.unlink()
        return str(folder)

    def file(self, root: str | Path | None = None) -> str:
        """Its only file, brought below `root`; `BadValueError` where it has several or none."""
        entries = list(self._entries().values())
        if len(entries) != 1:
            raise BadValueError(f"artifact {self.name} has {len(entries)} files; use download() or get_entry(name)")
        return entries[0].download(self._root(root))

    def verify(self, root: str | Path | None = None) -> None:
        """Compare the files below `root` with its own; `BadValueError` names the first that differs, or is too many."""
        from runlake.artifacts.cache import is_same_content

        folder, entries = self._root(root), self._entries()
        for path, entry in entries.items():
            if entry.ref is None and not is_same_content(folder / path, entry):
                raise BadValueError(f"{str(folder / path)!r} is not the file {path!r} of artifact {self.name}")
        for file in sorted(folder.rglob("*")):
            if file.is_file() and file.relative_to(folder).as_posix() not in entries:
                raise BadValueError(f"{str(file)!r} is no file of artifact {self.name}; checkout() removes such files")

    def _root(self, root: str | Path | None) -> Path:
        if root is not None:
            return Path(os.fspath(root))
        return self._needed("download").default_root()

    def __repr__(self) -> str:
        return f"<Artifact {self.qualified_name} ({self._type}, {self.file_count} files)>"


def _known_digests(folder: str) -> KnownDigests:
    """What is known of the files of a folder, unless the settings say that nothing is to be."""
    if not active_run.settings().artifact_digest_cache:
        return KnownDigests()
    return open_known_digests(user_cache_dir(os.environ) / "runlake" / "digests", folder)
