"""What a project at a W&B server has beside its runs: sweeps, and the versions of artifacts with their lineage.

Versions are brought when the runs are here, one after the other, so that those of a name get their numbers in the
order in which they were made. What is here is found by its id or its digest, and costs no bytes.
"""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Mapping
from typing import Any, BinaryIO

import msgspec

from runlake.artifact_model import ArtifactInfo, ArtifactPath, CollectionPath, ManifestEntry, digest_of
from runlake.errors import BadValueError, ConflictError, NotFoundError, RunlakeError
from runlake.importers.wandb_server import WandbServer, leads_out
from runlake.model import RunPath
from runlake.service.artifact_copy import CopyRules, copy_artifact, find_by_id
from runlake.service.contract import Service
from runlake.sweep_model import SweepEdit, SweepPath, SweepStart, SweepState
from runlake.values import encode_json

MADE_BY_THE_SERVER = "wandb-history"
"""The type of artifacts in which W&B keeps the rows of runs: they are here as rows."""

ARTIFACTS_FILE = "wandb-artifacts.json"
"""The file of a run that says which versions it logged, where their contents are left there."""

_SWEEP_STATES: Mapping[str, SweepState] = {"FINISHED": "FINISHED", "CANCELED": "CANCELED", "CANCELLED": "CANCELED"}
_ID_LENGTH = 32


class ProjectImported(msgspec.Struct, frozen=True, kw_only=True):
    """What became of that: `put_bytes` are those of contents that were not here; the rest as in `bring.Imported`.

    `untold` is what may be there, and the client or the server does not hand out: nobody knows how many.
    """

    sweep_count: int = 0
    version_count: int = 0
    put_bytes: int = 0
    lost: dict[str, int] = {}
    untold: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()


def bring_sweeps(service: Service, entity: str, project: str, server: WandbServer) -> tuple[int, list[str]]:
    """How many sweeps are here, and why others are not. One that was going on there is paused here."""
    count, problems = 0, list[str]()
    for found in list(server.peers.ask("sweeps", project=server.project)):
        try:
            start = SweepStart(config=found["config"], sweep_id=found["sweep_id"], name=found["name"])
            service.create_sweep(entity, project, start)
            state = _SWEEP_STATES.get(str(found["state"]).upper(), "PAUSED")
            service.edit_sweep(SweepPath(entity, project, found["sweep_id"]), SweepEdit(state=state))
        except ConflictError:
            pass  # it came before
        except RunlakeError as error:
            problems.append(f"sweep {found['sweep_id']}: {error}")
            continue
        count += 1
    return count, problems


def bring_versions(service: Service, entity: str, project: str, server: WandbServer) -> ProjectImported:
    """Keep the versions of all artifacts; without their contents, where `server` has been told so, what they are."""
    work = _Versions(service, entity, project, server)
    listed = list(server.peers.ask("versions", project=server.project))
    for each in listed:
        if each["type"] == MADE_BY_THE_SERVER:
            work.lost[f"{MADE_BY_THE_SERVER} artifact"] += 1
        elif not each["is_link"]:
            work.take(each)
    for each in listed:
        if each["is_link"] and server.has_files:
            work.link(each)
    work.keep_notes()
    untold = ["alerts"]  # no version of the client has a way to them
    try:
        work.lost["report"] += len(list(server.peers.ask("reports", project=server.project)))
    except RunlakeError:
        untold.append("reports")
    return ProjectImported(
        version_count=work.count,
        put_bytes=work.put_bytes,
        lost={what: count for what, count in work.lost.items() if count},
        untold=tuple(untold),
        problems=tuple(work.problems),
    )


class _Versions:
    """The versions of one import."""

    def __init__(self, service: Service, entity: str, project: str, server: WandbServer) -> None:
        self._service, self._entity, self._project, self._server = service, entity, project, server
        self._notes: dict[RunPath, list[dict[str, Any]]] = {}
        self.count = self.put_bytes = 0
        self.lost: Counter[str] = Counter()
        self.problems: list[str] = []

    def take(self, each: dict[str, Any]) -> None:
        """Keep one version, and who used it."""
        try:
            (lineage,) = self._server.peers.ask("lineage", qualified=each["qualified"])
            made_by = self._run_here(lineage["logged_by"])
            if self._server.has_files:
                self._keep(each, made_by, lineage["used_by"])
            elif made_by is not None:
                self._notes.setdefault(made_by, []).append(each)
        except RunlakeError as error:
            self.problems.append(f"artifact {each['name']}:{each['version']} cannot be kept: {error}")

    def _keep(self, each: dict[str, Any], made_by: RunPath | None, used_by: list[list[str]]) -> None:
        entries = [ManifestEntry(**entry) for entry in self._server.peers.ask("manifest", qualified=each["qualified"])]
        version = ArtifactInfo(
            entity=self._entity,
            project=self._project,
            name=each["name"],
            artifact_id=self._id_of(each),
            type=each["type"],
            state="COMMITTED",
            digest=digest_of(entries),
            description=each["description"],
            metadata=each["metadata"],
            aliases=tuple(each["aliases"]),
            tags=tuple(each["tags"]),
            created_by=made_by,
            created_at=each["created_at"] or 0.0,
            ttl_s=each["ttl_s"],
            history_step=each["history_step"],
        )
        rules = CopyRules(moves_aliases=True)
        copied = copy_artifact(
            _Contents(self._server, each["qualified"], entries), version, self._service, version.collection, rules
        )
        self.count += 1
        self.put_bytes += copied.put_bytes
        if copied.target.version != each["version"]:
            self.lost[f"number of a version: {each['name']}:{each['version']} is {copied.target.version} here"] += 1
        for path in used_by:
            user = self._run_here(path)
            if user is None:
                self.lost[f"use of an artifact by a run that is not here: {'/'.join(path)}"] += 1
            else:
                self._service.use_artifact(copied.target.path, user)

    def link(self, each: dict[str, Any]) -> None:
        """Link a version as it is linked there."""
        target = CollectionPath(self._entity, self._project, each["name"])
        found = find_by_id(self._service, self._id_of(each))
        if found is None:
            self.lost[f"link to an artifact that is not here: {each['name']}:{each['version']}"] += 1
            return
        try:
            aliases = [alias for alias in each["aliases"] if alias != "latest"]
            self._service.link_artifact(found.path, target, aliases)
            self.count += 1
        except RunlakeError as error:
            self.problems.append(f"artifact {each['name']}:{each['version']} cannot be linked: {error}")

    def keep_notes(self) -> None:
        """What versions are whose contents are left, as a file of the run that logged them."""
        for path, versions in self._notes.items():
            content = encode_json(versions).encode()
            self._service.put_file(path, ARTIFACTS_FILE, io.BytesIO(content))
            self.lost["artifact left there"] += len(versions)

    def _id_of(self, each: dict[str, Any]) -> str:
        return self._server.mark_of("artifact", each["artifact_id"]).removeprefix("import-").ljust(_ID_LENGTH, "0")

    def _run_here(self, path: list[str] | None) -> RunPath | None:
        """The run here that a run of the project there became; None for one that is not here, or of another project."""
        if path is None or path[:2] != [*self._server.address[:2]]:
            return None
        here = RunPath(self._entity, self._project, path[-1])
        try:
            self._service.read_run(here)
        except NotFoundError:
            return None
        return here


class _Contents:
    """The files of a version at the server, as a copy asks for them."""

    def __init__(self, server: WandbServer, qualified: str, entries: list[ManifestEntry]) -> None:
        self._server, self._qualified, self._entries = server, qualified, entries

    def read_manifest(self, path: ArtifactPath) -> list[ManifestEntry]:
        return self._entries

    def open_content(self, path: ArtifactPath, name: str) -> BinaryIO:
        if leads_out(name):
            raise BadValueError(f"the name of the file {name!r} leads out of the artifact")
        return self._server.open_fetched("entry", qualified=self._qualified, name=name)
