"""Artifacts of a store for those who read: by name, by type, by the run that logged or used them."""

from __future__ import annotations

import os
from collections.abc import Sequence

from runlake.artifact_model import ArtifactInfo, ArtifactStart, CollectionPath, Relation
from runlake.artifacts.artifact import Artifact
from runlake.artifacts.collection import ArtifactCollection
from runlake.artifacts.kept import FindRun
from runlake.artifacts.make import make_version
from runlake.artifacts.names import parse_artifact, parse_collection, parse_project
from runlake.artifacts.opening import kept_version, shows_progress
from runlake.errors import BadValueError, NotFoundError
from runlake.model import RunPath
from runlake.near import near_names
from runlake.service.contract import Service
from runlake.settings import Settings, current_folder, resolve


class StoredArtifacts:
    """The artifacts of one store. `entity` and `project` are what names leave out."""

    def __init__(self, service: Service, entity: str, project: str, find_run: FindRun) -> None:
        self._service, self._entity, self._project, self._find_run = service, entity, project, find_run
        self._settings = settings_in_force()

    def version(self, name: str, type: str | None) -> Artifact:
        """One version; `BadValueError` where it is of another type."""
        info = self._service.read_artifact(parse_artifact(name, self._entity, self._project))
        if type is not None and info.type != type:
            raise BadValueError(f"artifact {info.path} is of the type {info.type!r}, and not {type!r}")
        return self._in_hand(info)

    def versions(self, type: str, name: str, tags: Sequence[str] | None) -> list[Artifact]:
        """Those of a collection, the newest first, that have all of `tags`."""
        wanted = {tags} if isinstance(tags, str) else set(tags or ())
        collection = self.collection(type, name)
        found: list[Artifact] = collection.artifacts()
        return [artifact for artifact in found if wanted <= set(artifact.tags)]

    def collection(self, type: str | None, name: str) -> ArtifactCollection:
        """One collection; `BadValueError` where it is of another type."""
        info = self._service.read_collection(parse_collection(name, self._entity, self._project))
        if type is not None and info.type != type:
            raise BadValueError(f"artifact {info.path} is of the type {info.type!r}, and not {type!r}")
        return ArtifactCollection(self._service, info, self._in_hand)

    def collections(self, project: str | None, type: str | None) -> list[ArtifactCollection]:
        """Those of a project by name, or those of one type."""
        place = parse_project(project, self._entity, self._project)
        found = self._service.list_collections(*place, type=type)
        return [ArtifactCollection(self._service, info, self._in_hand) for info in found]

    def types(self, project: str | None) -> list[ArtifactType]:
        """Those of the collections of a project, in order."""
        place = parse_project(project, self._entity, self._project)
        names = sorted({info.type for info in self._service.list_collections(*place)})
        return [ArtifactType(self, name, *place) for name in names]

    def type_named(self, name: str, project: str | None) -> ArtifactType:
        """One type; `NotFoundError` names those there are."""
        types = self.types(project)
        found = next((one for one in types if one.name == name), None)
        if found is None:
            known = [one.name for one in types]
            near = near_names(name, known) or known
            place = "/".join(parse_project(project, self._entity, self._project))
            raise NotFoundError(
                f"no artifact of {place} is of the type {name!r}; there are {', '.join(near) or 'none'}"
            )
        return found

    def _in_hand(self, info: ArtifactInfo) -> Artifact:
        return artifact_in_hand(self._service, info, self._settings, self._find_run)


class ArtifactType:
    """One type of the artifacts of a project."""

    def __init__(self, artifacts: StoredArtifacts, name: str, entity: str, project: str) -> None:
        self._artifacts = artifacts
        self.name, self.entity, self.project = name, entity, project

    type = property(lambda self: self.name, doc="The same as `name`.")

    @property
    def id(self) -> str:
        return f"{self.entity}/{self.project}/{self.name}"

    def collections(self, per_page: int = 50) -> list[ArtifactCollection]:
        """The collections of this type by name."""
        return self._artifacts.collections(f"{self.entity}/{self.project}", self.name)

    def collection(self, name: str) -> ArtifactCollection:
        """One of them."""
        return self._artifacts.collection(self.name, str(CollectionPath(self.entity, self.project, name)))

    def __repr__(self) -> str:
        return f"<ArtifactType {self.name}>"


def artifacts_of_run(service: Service, run: RunPath, relation: Relation, find_run: FindRun) -> list[Artifact]:
    """What a run logged, or used, in the order in which it did."""
    settings = settings_in_force()
    return [artifact_in_hand(service, info, settings, find_run) for info in service.list_run_artifacts(run, relation)]


def log_for_run(
    service: Service,
    run: RunPath,
    artifact: Artifact,
    aliases: Sequence[str] | None,
    tags: Sequence[str] | None,
    find_run: FindRun,
) -> Artifact:
    """Keep an artifact as made by a run; of one that is kept, note that the run logged it as well."""
    settings = settings_in_force()
    added = tuple([aliases] if isinstance(aliases, str) else aliases or ())
    if artifact.info is not None:
        start = ArtifactStart(
            type=artifact.type, artifact_id=artifact.info.artifact_id, aliases=added, tags=tuple(tags or ()), run=run
        )
        return artifact_in_hand(service, service.begin_artifact(artifact.info.collection, start), settings, find_run)
    artifact.aliases = list(dict.fromkeys(["latest", *artifact.aliases, *added]))
    artifact.tags = list(dict.fromkeys([*artifact.tags, *(tags or ())]))
    info = make_version(
        service,
        CollectionPath(run.entity, run.project, artifact.base_name),
        artifact.begun(run, settings.username, None),
        list(artifact.contents.entries.values()),
        shows_progress=shows_progress(settings),
        staging=artifact.contents.staging,
    )
    return artifact_in_hand(service, info, settings, find_run)


def use_for_run(service: Service, run: RunPath, artifact: Artifact, use_as: str | None, find_run: FindRun) -> Artifact:
    """Note that a run uses an artifact that is kept."""
    if artifact.info is None:
        raise BadValueError(f"use_artifact: {artifact.name} is kept nowhere yet; log it with log_artifact first")
    info = service.use_artifact(artifact.info.collection.at(artifact.info.artifact_id), run, use_as)
    used = artifact_in_hand(service, info, settings_in_force(), find_run)
    used.use_as = use_as
    return used


def artifact_in_hand(service: Service, info: ArtifactInfo, settings: Settings, find_run: FindRun) -> Artifact:
    """A version as people have it; `find_run` knows the runs of the store."""
    return Artifact.of(kept_version(service, info, settings, find_run=find_run))


def settings_in_force() -> Settings:
    """Those of this process where nothing is said."""
    return resolve({}, os.environ, current_folder())
