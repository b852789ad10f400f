"""How artifacts, their collections and the files in them are called by people; pure."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from pathlib import PurePath, PurePosixPath
from urllib.parse import unquote

from runlake.artifact_model import LATEST, ArtifactPath, CollectionPath
from runlake.errors import BadValueError, PathError

SCHEME = "wandb-artifact://"
"""Before the name of an artifact that is written as an address."""

MAX_LENGTH = 128
_NAME = re.compile(r"[a-zA-Z0-9_\-.]+")
_NOT_SAFE = re.compile(r"[^a-zA-Z0-9_\-.]")


def check_name(name: str) -> str:
    """The name itself; `BadValueError` for one that an artifact cannot have."""
    if not isinstance(name, str) or not _NAME.fullmatch(name) or name in (".", "..") or len(name) > MAX_LENGTH:
        raise BadValueError(
            f"an artifact cannot be called {name!r}; use up to {MAX_LENGTH} letters, digits, dashes, dots, underscores"
        )
    return name


def safe_name(text: str) -> str:
    """A name that an artifact can have, as near to the text as can be."""
    return _NOT_SAFE.sub("_", text)[:MAX_LENGTH].strip(".") or "artifact"


def inner_name(name: str | PurePath) -> str:
    """A name inside an artifact in its normal form; `BadValueError` for one that leaves it."""
    path = PurePosixPath(str(name).replace("\\", "/"))
    parts = [part for part in path.parts if part not in ("/", ".")]
    if not parts or ".." in parts:
        raise BadValueError(f"{str(name)!r} cannot be the name of a file in an artifact; use one like a/b.txt")
    return "/".join(parts)


def names_that_meet(names: Iterable[str]) -> tuple[str, str] | None:
    """Two files that are one on a disk that does not tell case, or a file and a folder; None where there are none."""
    files: dict[str, str] = {}
    folders: dict[str, str] = {}
    for name in names:
        other = files.setdefault(_without_case(name), name)
        if other != name:
            return other, name
        folder = name.rpartition("/")[0]
        while folder:
            folders[_without_case(folder)] = folder
            folder = folder.rpartition("/")[0]
    met = files.keys() & folders.keys()
    return next(((files[key], folders[key]) for key in sorted(met)), None)


def _without_case(name: str) -> str:
    return unicodedata.normalize("NFC", name).casefold()


def parse_artifact(text: str, entity: str, project: str) -> ArtifactPath:
    """The version that ``name``, ``name:alias`` or ``name:v3`` names, with the project, or entity and project, before.

    `PathError` for what is no name of an artifact.
    """
    collection, version = _parts(text, entity, project, "entity/project/name:alias")
    return collection.at(version or LATEST)


def parse_collection(text: str, entity: str, project: str) -> CollectionPath:
    """The collection that ``name``, ``project/name`` or ``entity/project/name`` names; `PathError` for no name."""
    collection, version = _parts(text, entity, project, "entity/project/name")
    if version:
        raise PathError(f"{text!r} names a version, and here a collection is meant; write it without :{version}")
    return collection


def parse_project(text: str | None, entity: str, project: str) -> tuple[str, str]:
    """The (entity, project) that ``project`` or ``entity/project`` names; the given ones for no text."""
    parts = [part for part in (text or "").strip("/").split("/") if part]
    if len(parts) > 2:
        raise PathError(f"{text!r} is no path of a project; write entity/project")
    found = [entity, project][: 2 - len(parts)] + parts
    return found[0], found[1]


def _parts(text: str, entity: str, project: str, form: str) -> tuple[CollectionPath, str]:
    if not isinstance(text, str) or not text.strip("/"):
        raise PathError(f"{text!r} is no name of an artifact; write {form}")
    *parents, last = unquote(text.removeprefix(SCHEME)).strip("/").split("/")
    if len(parents) > 2 or not all(parents):
        raise PathError(f"{text!r} has too many parts for the name of an artifact; write {form}")
    name, _, version = last.partition(":")
    if not name:
        raise PathError(f"{text!r} names no artifact; write {form}")
    place = [entity, project][: 2 - len(parents)] + parents
    return CollectionPath(place[0], place[1], name), version
