"""The verbs of artifacts over a folder."""

from __future__ import annotations

import time
from bisect import bisect_left
from collections.abc import Callable, Sequence
from typing import BinaryIO

from msgspec import structs

from runlake.artifact_model import (
    LATEST,
    ArtifactEdit,
    ArtifactInfo,
    ArtifactPath,
    CollectionEdit,
    CollectionInfo,
    CollectionPath,
    ManifestEntry,
    Relation,
)
from runlake.errors import BadValueError, ConflictError, NotFoundError, StoreError, warn
from runlake.model import RunPath
from runlake.near import near_names
from runlake.service.local.artifact_drafts import ArtifactDrafts
from runlake.service.local.collections import OpenCollections
from runlake.service.local.listings import Listings
from runlake.service.local.open_store import OpenStore
from runlake.service.local.read_manifests import ReadManifests
from runlake.store.artifacts.collection import (
    CollectionFolder,
    delete_collection,
    name_is_taken,
    read_artifact_id,
    rename_collection,
    restore_collection,
    write_artifact_id,
    writing,
)
from runlake.store.artifacts.content import Contents
from runlake.store.artifacts.fold import Deleted, Described, Edited, Entry, Linked, Restored, Version
from runlake.store.artifacts.lineage import RunLink, links_of_run, note_relation, users_of
from runlake.store.artifacts.linked import linked_to, note_linked
from runlake.store.artifacts.names import (
    aliases_without_latest,
    check_aliases,
    check_artifact_id,
    check_artifact_path,
    check_collection_path,
    check_tags,
    check_type,
    version_number_of,
)
from runlake.store.artifacts.proof import prove_edit, prove_plain
from runlake.store.store import Store

Change = Callable[[CollectionFolder, Version, float], Entry]


class LocalArtifacts:
    """`contract.artifacts` over a folder."""

    def __init__(self, folder: OpenStore[Store], listings: Listings, contents: Contents) -> None:
        self._folder, self._listings, self._contents = folder, listings, contents
        self._layout = folder.store.layout
        self._collections = OpenCollections(self._layout)
        self._manifests = ReadManifests()
        self._drafts = ArtifactDrafts(folder.store, contents, self._collections, self._manifests, user=folder.user)
        self.begin_artifact = self._drafts.begin_artifact
        self.find_content = self._drafts.find_content
        self.put_content = self._drafts.put_content
        self.receive_content = self._drafts.receive_content
        self.offer_uploads = self._drafts.offer_uploads
        self.complete_upload = self._drafts.complete_upload
        self.commit_artifact = self._drafts.commit_artifact

    # Reading

    def read_artifact(self, path: ArtifactPath) -> ArtifactInfo:
        check_artifact_path(path)
        self._folder.check_project(path.entity, path.project)
        with self._collections.opened(path.collection) as collection:
            found = collection.fold.find(path.version)
            if found is not None:
                return self._describe(collection, found)
            error = collection.no_version(path.version)
        pending = None
        if path.version != LATEST and version_number_of(path.version) is None:
            try:
                check_artifact_id(path.version)
            except BadValueError:
                raise error from None  # an alias that cannot be an id
            pending = self._drafts.describe(path)
        if pending is None:
            raise error
        return pending

    def find_artifact(self, artifact_id: str) -> ArtifactInfo:
        self._folder.check_format()
        return self.read_artifact(read_artifact_id(self._layout, check_artifact_id(artifact_id)))

    def read_manifest(self, path: ArtifactPath) -> list[ManifestEntry]:
        try:
            collection, version = self._at_home(path)
        except NotFoundError:
            named = self._drafts.named_contents(path)
            if named is None:
                raise
            return named
        return self._manifests.read(collection, version.artifact_id)

    def open_content(self, path: ArtifactPath, name: str) -> BinaryIO:
        return self._contents.open(*self._content_of(path, name))

    def content_url(self, path: ArtifactPath, name: str, valid_s: float) -> str | None:
        return self._contents.signed_url(*self._content_of(path, name), valid_s=valid_s)

    def _content_of(self, path: ArtifactPath, name: str) -> tuple[str, int]:
        """SHA-256 and size of a file of a version."""
        entries = self.read_manifest(path)
        place = bisect_left(entries, name, key=lambda entry: entry.path)
        entry = entries[place] if place < len(entries) else None
        if entry is None or entry.path != name:
            near = near_names(name, [entry.path for entry in entries])
            advice = f"did you mean {' or '.join(map(repr, near))}?" if near else "see: runlake show"
            raise NotFoundError(f"artifact {path} has no file {name!r} ({len(entries)} files); {advice}")
        if entry.sha256 is None:
            raise BadValueError(f"{name!r} of artifact {path} is a reference to {entry.ref}: its bytes are there")
        return entry.sha256, entry.size_bytes

    def list_artifacts(self, path: CollectionPath) -> list[ArtifactInfo]:
        self._folder.check_project(path.entity, path.project)
        with self._collections.opened(path) as collection:
            versions = list(collection.fold.live())
            if collection.fold.kind == "sequence":
                return [collection.fold.describe(version) for version in versions]
        found = (self._link_of(collection, version) for version in versions)
        return [info for info in found if info is not None]

    def list_collections(self, entity: str, project: str, *, type: str | None = None) -> list[CollectionInfo]:
        self._folder.check_project(entity, project)
        found = []
        for name in self._layout.collection_names(entity, project):
            try:
                info = self.read_collection(CollectionPath(entity, project, name))
            except NotFoundError:
                continue  # deleted at this moment, or its maker is about to say what it is
            except (StoreError, BadValueError) as error:
                warn(f"artifact {entity}/{project}/{name} cannot be read and is left out: {error}")
                continue
            if info.version_count and type in (None, info.type):
                found.append(info)
        return found

    def read_collection(self, path: CollectionPath) -> CollectionInfo:
        self._folder.check_project(path.entity, path.project)
        with self._collections.opened(path) as collection:
            return collection.fold.describe_collection()

    # Changing

    def edit_artifact(self, path: ArtifactPath, edit: ArtifactEdit) -> ArtifactInfo:
        edit = structs.replace(edit, add_aliases=check_aliases(edit.add_aliases), add_tags=check_tags(edit.add_tags))
        prove_edit(edit)
        with self._collections.opened(path.collection) as collection:
            is_link = collection.fold.kind == "portfolio"
        if is_link:  # aliases are those of the link; all else is of the version that it leads to
            own = structs.replace(edit, add_aliases=(), remove_aliases=())
            if own != ArtifactEdit():
                source, version = self._at_home(path)
                self.edit_artifact(source.path.at(version.artifact_id), own)
            edit = ArtifactEdit(add_aliases=edit.add_aliases, remove_aliases=edit.remove_aliases)
        self._change(path, lambda _, version, at: Edited(at=at, artifact_id=version.artifact_id, edit=edit))
        return self.read_artifact(path)

    def delete_artifact(self, path: ArtifactPath, *, delete_aliases: bool = False) -> None:
        def deleted(collection: CollectionFolder, version: Version, at: float) -> Entry:
            kept = aliases_without_latest(version.aliases)
            if kept and not delete_aliases and collection.fold.kind == "sequence":
                raise ConflictError(
                    f"artifact {path} has the alias {', '.join(kept)}; pass delete_aliases=True to delete both"
                )
            return Deleted(at=at, artifact_id=version.artifact_id)

        self._change(path, deleted)

    def restore_artifact(self, path: ArtifactPath) -> ArtifactInfo:
        self._folder.check_format()
        number = version_number_of(check_artifact_path(path).version)
        if not self._layout.tree.has_folder(self._layout.collection_dir(path.collection)):
            restore_collection(self._layout, path.collection)
        with self._collections.opened(path.collection) as collection, writing(collection.folder):
            while True:
                fold = collection.catch_up()
                known = number is not None and number < len(fold.versions)
                version = fold.versions[number] if known and number is not None else fold.by_id(path.version)
                version = version or fold.find(path.version)
                if version is None:
                    raise collection.no_version(path.version)
                if version.is_collected:
                    raise NotFoundError(f"artifact {path} was deleted, and its files were removed for good by gc")
                restored = Restored(at=time.time(), artifact_id=version.artifact_id)
                if version.deleted_at is None or collection.decide(restored):
                    return self._describe(collection, version)

    def link_artifact(self, path: ArtifactPath, target: CollectionPath, aliases: Sequence[str] = ()) -> ArtifactInfo:
        source = self.read_artifact(path)
        home = source.collection if source.source is None else source.source.collection
        checked = check_aliases(aliases)
        check_collection_path(target)
        with self._collections.made(target, source.type, "portfolio") as collection, writing(collection.folder):
            note_linked(self._layout, source.artifact_id, target)
            while True:
                fold = collection.catch_up()
                linked = fold.by_id(source.artifact_id)
                entry: Entry
                if linked is None:
                    entry = Linked(at=time.time(), artifact_id=source.artifact_id, source=home, aliases=checked)
                elif linked.deleted_at is not None:
                    entry = Restored(at=time.time(), artifact_id=source.artifact_id)
                elif set(checked) <= set(linked.aliases):
                    break
                else:
                    edit = ArtifactEdit(add_aliases=checked)
                    entry = Edited(at=time.time(), artifact_id=source.artifact_id, edit=edit)
                collection.decide(entry)
        return self.read_artifact(target.at(source.artifact_id))

    def edit_collection(self, path: CollectionPath, edit: CollectionEdit) -> CollectionInfo:
        prove_plain("the edit of a collection", edit)
        target = path if edit.name is None else check_collection_path(path._replace(name=edit.name))
        entry = Described(
            at=time.time(),
            name=None if target == path else target.name,
            type=None if edit.type is None else check_type(edit.type),
            description=edit.description,
            add_tags=check_tags(edit.add_tags),
            remove_tags=edit.remove_tags,
        )
        if target != path and self._layout.tree.has_folder(self._layout.collection_dir(target)):
            raise name_is_taken(path, target)
        with self._collections.opened(path) as collection, writing(collection.folder):
            if edit != CollectionEdit():
                while not collection.decide(entry):
                    collection.catch_up()
            ids = [version.artifact_id for version in collection.fold.versions]
            kind = collection.fold.kind
        if target != path:
            rename_collection(self._layout, path, target)
            for artifact_id in ids:
                if kind == "sequence":
                    write_artifact_id(self._layout, artifact_id, target)
                else:
                    note_linked(self._layout, artifact_id, target)
        return self.read_collection(target)

    def delete_collection(self, path: CollectionPath) -> None:
        self._folder.check_project(path.entity, path.project)
        delete_collection(self._layout, check_collection_path(path))

    # Lineage

    def use_artifact(self, path: ArtifactPath, run: RunPath, use_as: str | None = None) -> ArtifactInfo:
        self._listings.check_exists(run)
        used = self.read_artifact(path)
        home = used.collection if used.source is None else used.source.collection
        link = RunLink(at=time.time(), artifact=home.at(used.artifact_id), use_as=use_as)
        note_relation(self._layout, run, "used", link)
        return used

    def list_artifact_users(self, path: ArtifactPath) -> list[RunPath]:
        collection, version = self._at_home(path)
        return users_of(self._layout, collection.path.at(version.artifact_id))

    def list_artifact_links(self, path: ArtifactPath) -> list[ArtifactInfo]:
        collection, version = self._at_home(path)
        found = []
        for portfolio in linked_to(self._layout, collection.path.at(version.artifact_id)):
            try:
                found.append(self.read_artifact(portfolio.at(version.artifact_id)))
            except NotFoundError:
                continue  # unlinked since, or the portfolio has another name
        return found

    def list_run_artifacts(self, run: RunPath, relation: Relation) -> list[ArtifactInfo]:
        self._listings.check_exists(run)
        found = []
        for link in links_of_run(self._layout, run, relation):
            try:
                found.append(self._read_at_home(link.artifact))
            except NotFoundError:
                continue  # deleted since
            except StoreError as error:
                warn(f"artifact {link.artifact} cannot be read and is left out: {error}")
        return found

    def _describe(self, collection: CollectionFolder, version: Version) -> ArtifactInfo:
        if collection.fold.kind == "sequence":
            return collection.fold.describe(version)
        info = self._link_of(collection, version)
        if info is None:
            raise NotFoundError(f"artifact {collection.path}:v{version.number} links to one that was deleted")
        return info

    def _link_of(self, collection: CollectionFolder, version: Version) -> ArtifactInfo | None:
        made = version.entry
        assert isinstance(made, Linked), "a portfolio has nothing but links"
        try:
            source = self._read_at_home(made.source.at(made.artifact_id))
        except NotFoundError:
            return None
        return collection.fold.describe_link(version, source)

    def _read_at_home(self, path: ArtifactPath) -> ArtifactInfo:
        """A version by its id, also when its collection has another name by now."""
        try:
            return self._read_of_sequence(path)
        except NotFoundError:
            home = read_artifact_id(self._layout, path.version)
            if home == path:
                raise
            return self._read_of_sequence(home)

    def _read_of_sequence(self, path: ArtifactPath) -> ArtifactInfo:
        with self._collections.opened(path.collection) as collection:
            if collection.fold.kind != "sequence":
                raise NotFoundError(f"artifact {path.collection} is a portfolio: no version is at home there")
            return collection.fold.describe(collection.found(path.version))

    def _at_home(self, path: ArtifactPath) -> tuple[CollectionFolder, Version]:
        """The sequence that has a version, also when it is asked for by a link."""
        self._folder.check_project(path.entity, path.project)
        with self._collections.opened(path.collection) as collection:
            version = collection.found(path.version)
            made = version.entry
        if not isinstance(made, Linked):
            return collection, version
        home = self._read_at_home(made.source.at(made.artifact_id))
        with self._collections.opened(home.collection) as collection:
            return collection, collection.found(home.artifact_id)

    def _change(self, path: ArtifactPath, change: Change) -> None:
        with self._collections.opened(path.collection) as collection, writing(collection.folder):
            while True:
                collection.catch_up()
                if collection.decide(change(collection, collection.found(path.version), time.time())):
                    return
