"""Artifacts as files of runs: ``artifacts/<name>/<version>/…``, and what is known of each in ``<version>.json``.

Versions count from v0 in each run; logging the same files again makes no new one. An alias belongs to the newest
version that was given it, and ``latest`` to the newest. Nothing but these files knows of artifacts, so what stands
here can be taken over by a room of its own.
"""

from __future__ import annotations

import datetime
import re
import shutil
from collections.abc import Iterable, Iterator
from itertools import count
from pathlib import Path
from typing import Any, NamedTuple

from runlake.errors import NotFoundError, PathError
from runlake.model import RunPath
from runlake.sdk.run.artifact import Artifact, Place
from runlake.sdk.run.artifact_entry import Entry
from runlake.sdk.run.config import plain_config
from runlake.sdk.run.files import RunFiles
from runlake.store.layout import Layout, check_run_path, decode_file_part
from runlake.values import decode_json, encode_json

FOLDER = "artifacts"
_VERSION_FILE = re.compile(r"v(\d+)\.json")


class Wanted(NamedTuple):
    """What a name like ``entity/project/name:alias`` asks for."""

    entity: str
    project: str
    name: str
    alias: str


class KeptArtifacts:
    """The artifacts of one run, and the way to those of other runs of the store."""

    def __init__(self, layout: Layout, path: RunPath, files: RunFiles) -> None:
        self._layout, self._path, self._files = layout, path, files

    def keep(self, artifact: Artifact, aliases: Iterable[str], tags: Iterable[str]) -> Artifact:
        """Copy the artifact's files into the run, if its newest version of that name has others; answers it."""
        artifact.aliases = list(dict.fromkeys(["latest", *artifact.aliases, *aliases]))
        artifact.tags = list(dict.fromkeys([*artifact.tags, *tags]))
        digest = artifact.digest
        newest = next(self._versions(self._path, artifact.base_name), None)
        if newest is not None and newest[1]["digest"] == digest:
            version, known = newest
            artifact.aliases = list(dict.fromkeys([*known["aliases"], *artifact.aliases]))
            artifact.created_at = known["created_at"]
        else:
            version = self._claim(artifact.base_name)
            artifact.created_at = datetime.datetime.now(datetime.UTC).isoformat(timespec="milliseconds")
            for path, entry in artifact.manifest.entries.items():
                if entry.local_path is not None:
                    put = self._files.take if artifact.is_staged(entry) else self._files.copy
                    put(Path(entry.local_path), f"{FOLDER}/{artifact.base_name}/{version}/{path}")
        entries = self._entries(self._path, artifact.base_name, version, artifact.manifest.entries)
        artifact.settle(Place(*self._path, version), entries, self)
        self.note(artifact, digest)
        return artifact

    def note(self, artifact: Artifact, digest: str | None = None) -> None:
        """Write down what is known of a kept artifact."""
        entries = artifact.manifest.entries
        known = {
            "name": artifact.base_name,
            "type": artifact.type,
            "description": artifact.description,
            "metadata": plain_config(artifact.metadata),
            "aliases": artifact.aliases,
            "tags": artifact.tags,
            "created_at": artifact.created_at,
            "digest": digest or artifact.digest,
            "references": {name: entry.ref for name, entry in entries.items() if entry.ref is not None},
        }
        file = f"{FOLDER}/{artifact.base_name}/{artifact.version}.json"
        self._files.write(file, encode_json(known).encode())

    def drop(self, artifact: Artifact) -> None:
        """Remove a kept artifact: first what is known of it, then its files."""
        folder = self._layout.file_path(self._path, f"{FOLDER}/{artifact.base_name}/{artifact.version}")
        folder.with_name(f"{artifact.version}.json").unlink(missing_ok=True)
        shutil.rmtree(folder, ignore_errors=True)

    def find(self, name: str, type: str | None = None) -> Artifact:
        """An artifact by ``name``, ``name:alias`` or ``name:v3``, with project or entity and project before it.

        That of this run, else of the run of the project that kept one last. `NotFoundError` names what there is.
        """
        wanted = self._read(name)
        own = [self._path] if wanted[:2] == self._path[:2] else []
        others = (
            RunPath(wanted.entity, wanted.project, i) for i in self._layout.run_ids(wanted.entity, wanted.project)
        )
        for runs in (own, others):
            found = [
                (known["created_at"], path, version, known)
                for path in runs
                for version, known in self._versions(path, wanted.name)
                if wanted.alias in (version, "latest", *known["aliases"])
            ]
            if found:
                _, path, version, known = max(found, key=lambda one: (one[0], int(one[2][1:])))
                return self._load(path, version, known)
        known_names = ", ".join(sorted(self._names())) or "none"
        raise NotFoundError(
            f"no artifact {name!r}: artifacts are not supported yet, beyond those that runs of this store kept; "
            f"run {self._path} kept: {known_names}"
        )

    def _read(self, name: str) -> Wanted:
        if not isinstance(name, str) or not name.strip("/"):
            raise PathError(f"use_artifact: {name!r} is no name of an artifact; write name:alias")
        *parents, last = name.removeprefix("wandb-artifact://").strip("/").split("/")
        if len(parents) > 2:
            raise PathError(f"use_artifact: {name!r} has too many parts; write entity/project/name:alias")
        entity, project = [*self._path[:2]][: 2 - len(parents)] + parents
        check_run_path(RunPath(entity, project, "x"))
        base, _, alias = last.partition(":")
        return Wanted(entity, project, base, alias or "latest")

    def _load(self, path: RunPath, version: str, known: dict[str, Any]) -> Artifact:
        artifact = Artifact(known["name"], known["type"], known["description"], known["metadata"])
        artifact.aliases, artifact.tags, artifact.created_at = known["aliases"], known["tags"], known["created_at"]
        references = {name: Entry(name, ref=address) for name, address in known["references"].items()}
        entries = self._entries(path, artifact.base_name, version, references)
        keeper = KeptArtifacts(self._layout, path, RunFiles(self._layout, path))
        artifact.settle(Place(*path, version), entries, keeper)
        return artifact

    def _versions(self, path: RunPath, name: str) -> Iterator[tuple[str, dict[str, Any]]]:
        """The versions of a name in a run with what is known of them, the newest first."""
        folder = self._layout.file_path(path, f"{FOLDER}/{name}")
        found = (_VERSION_FILE.fullmatch(file.name) for file in folder.iterdir()) if folder.is_dir() else ()
        for number in sorted((int(match[1]) for match in found if match), reverse=True):
            yield f"v{number}", decode_json((folder / f"v{number}.json").read_text("utf-8"))

    def _claim(self, name: str) -> str:
        """The next version; each is given to one process of the run."""
        for number in count():
            target = self._layout.make_file_folders(self._path, f"{FOLDER}/{name}/v{number}")
            try:
                target.mkdir()
            except FileExistsError:
                continue
            return f"v{number}"
        raise AssertionError("unreachable")

    def _entries(self, path: RunPath, name: str, version: str, others: dict[str, Entry]) -> dict[str, Entry]:
        """The files of a version, and those of the `others` that are references."""
        folder = self._layout.file_path(path, f"{FOLDER}/{name}/{version}")
        entries = {name: entry for name, entry in others.items() if entry.ref is not None}
        for file in sorted(folder.rglob("*")):
            if file.is_file():
                inner = "/".join(map(decode_file_part, file.relative_to(folder).parts))
                entries[inner] = Entry(inner, str(file))
        return entries

    def _names(self) -> list[str]:
        folder = self._layout.files_dir(self._path) / FOLDER
        return [decode_file_part(one.name) for one in folder.iterdir() if one.is_dir()] if folder.is_dir() else []
