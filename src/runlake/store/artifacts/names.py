"""What collections, types, aliases, tags and the files of an artifact can be called; pure."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence

from runlake.artifact_model import LATEST, ArtifactPath, CollectionPath
from runlake.errors import BadValueError, PathError
from runlake.model import RunPath
from runlake.store.layout import MAX_NAME_LENGTH, check_run_path

_FORBIDDEN = re.compile(r"[\x00-\x1f\x7f/\\:]")
_VERSION = re.compile(r"v[0-9]{1,18}")
_ID = re.compile(r"[0-9a-z]{8,64}")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_DRIVE = re.compile(r"[A-Za-z]:")
_MAX_LENGTH = 128
_MAX_COUNT = 1_000


def check_collection_path(path: CollectionPath) -> CollectionPath:
    """The path itself; `PathError` when a part of it cannot be a name."""
    check_run_path(RunPath(path.entity, path.project, "any"))
    _check_name("collection of artifacts", path.name)
    if path.name.strip() in (".", ".."):
        raise PathError(f"a collection of artifacts cannot be called {path.name!r}; use letters and digits")
    return path


def check_artifact_path(path: ArtifactPath) -> ArtifactPath:
    """The path itself; `PathError` when a part of it cannot be a name."""
    check_collection_path(path.collection)
    _check_name("version of an artifact", path.version)
    return path


def check_type(type: str) -> str:
    """The type itself; `PathError` when it cannot be one."""
    return _check_name("type of an artifact", type)


def check_artifact_id(artifact_id: str) -> str:
    """The id itself; `PathError` when it cannot be one: it names files."""
    if not isinstance(artifact_id, str) or not is_artifact_id(artifact_id):
        raise PathError(f"{artifact_id!r:.80} is no id of an artifact: 8 to 64 of the digits and lower-case letters")
    return artifact_id


def is_artifact_id(text: str) -> bool:
    """Whether a text can be the id of an artifact."""
    return _ID.fullmatch(text) is not None


def check_sha256(sha256: str) -> str:
    """The digest itself; `PathError` for what cannot be one: it names files."""
    if not isinstance(sha256, str) or not is_sha256(sha256):
        raise PathError(f"{sha256!r:.80} is no SHA-256 in hexadecimal digits")
    return sha256


def is_sha256(name: str) -> bool:
    """Whether the name of a file is one of a content."""
    return _SHA256.fullmatch(name) is not None


def check_aliases(aliases: Iterable[str]) -> tuple[str, ...]:
    """The aliases, each once, in their order; `PathError` for one that cannot be, as ``v3``."""
    checked = _each_once("alias", aliases)
    for alias in checked:
        if _VERSION.fullmatch(alias):
            raise PathError(f"{alias!r} is the number of a version, and cannot be an alias; use a word like best")
    return checked


def check_tags(tags: Iterable[str]) -> tuple[str, ...]:
    """The tags, each once, in their order; `PathError` for one that cannot be."""
    return _each_once("tag", tags)


def version_number_of(version: str) -> int | None:
    """The number of a version as it is written, ``v3``; None for an alias."""
    return int(version[1:]) if _VERSION.fullmatch(version) else None


def aliases_without_latest(aliases: Sequence[str]) -> list[str]:
    """Those that a person chose."""
    return [alias for alias in aliases if alias != LATEST]


def check_entry_path(path: str) -> str:
    """A file's name inside an artifact; `PathError` for one that leaves it, on any system."""
    parts = path.split("/") if isinstance(path, str) else []
    if not parts or "" in parts or "." in parts or ".." in parts or "\\" in path or _DRIVE.match(path):
        raise PathError(f"{path!r:.200} cannot be the name of a file in an artifact; use one like a/b.txt")
    if "\0" in path or len(path) > MAX_NAME_LENGTH:
        raise PathError(f"{path!r:.200} cannot be the name of a file in an artifact: it is too long, or holds a zero")
    try:
        path.encode()
    except UnicodeEncodeError:
        raise PathError(f"{path!r:.200} is not valid Unicode text, so no file in an artifact can have it") from None
    return path


def _each_once(word: str, names: Iterable[str]) -> tuple[str, ...]:
    checked = tuple(dict.fromkeys(_check_name(word, name) for name in names))
    if len(checked) > _MAX_COUNT:
        raise BadValueError(f"{len(checked):,} are too many: {_MAX_COUNT:,} of the kind {word} are possible at once")
    return checked


def _check_name(word: str, name: str) -> str:
    if not isinstance(name, str) or not name.strip() or len(name) > _MAX_LENGTH or _FORBIDDEN.search(name):
        raise PathError(f"{name!r:.200} cannot be a {word}; use up to {_MAX_LENGTH} characters, without : / and \\")
    if any(unicodedata.category(character) == "Cs" for character in name):
        raise PathError(f"{name!r:.200} is not valid Unicode text, so it cannot be a {word}")
    return name
