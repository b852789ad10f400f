"""What is compared of a run, section by section: each a flat dict of escaped path → canonical value."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from runlake.errors import CorruptError
from runlake.model import METADATA_FILE, RunInfo, RunPath
from runlake.values import escape_key, flatten, split_path

if TYPE_CHECKING:
    from runlake.service.contract import Service

SECTIONS = ("config", "summary", "metadata", "code", "packages", "artifacts")
"""In the order in which they are shown. `metadata` has program, arguments, commit and machine."""

VOLATILE_METADATA = frozenset({"startedAt", "heartbeatAt", "writerId", "disk"})
"""Metadata, by first key, that differs between nearly any two runs, and so says nothing."""

_CODE_FILES = ("diff.patch",)
"""Files that are code, compared by their MD5."""
_PACKAGES_FILE = "requirements.txt"

Sections = dict[str, dict[str, Any]]


def read_sections(service: Service, run: RunInfo) -> Sections:
    """All sections of one run; `CorruptError` where its metadata is no JSON."""
    path = run.path
    md5_of = {file.name: file.md5 for file in service.list_files(path)}
    found: Sections = {
        "config": run.config,
        "summary": run.summary,
        "metadata": _read_json(service, path) if METADATA_FILE in md5_of else {},
    }
    sections = {name: flatten(values, stringify_keys=True) for name, values in found.items()}
    sections["code"] = {escape_key(name): f"md5 {md5_of[name]}" for name in _CODE_FILES if name in md5_of}
    sections["packages"] = _read_packages(service, path) if _PACKAGES_FILE in md5_of else {}
    sections["artifacts"] = _used_artifacts(service, path)
    return sections


def read_metadata(service: Service, path: RunPath) -> dict[str, Any]:
    """What the run noted of its surroundings: program, args, git …; empty when it noted nothing."""
    is_there = any(file.name == METADATA_FILE for file in service.list_files(path))
    return _read_json(service, path) if is_there else {}


def is_volatile(section: str, path: str) -> bool:
    """Whether a value says nothing, as it differs between nearly any two runs."""
    if section == "metadata":
        return split_path(path)[0] in VOLATILE_METADATA
    return section in ("config", "summary") and path.startswith("_")


def _read_json(service: Service, path: RunPath) -> dict[str, Any]:
    with service.open_file(path, METADATA_FILE) as content:
        text = content.read()
    try:
        metadata = json.loads(text)
    except ValueError as error:
        raise CorruptError(f"{METADATA_FILE} of {path} is no JSON: {error}") from None
    return metadata if isinstance(metadata, dict) else {}


def _read_packages(service: Service, path: RunPath) -> dict[str, Any]:
    """Package → version, by the lines of the run's file; what has no version stands for itself."""
    with service.open_file(path, _PACKAGES_FILE) as content:
        lines = content.read().decode("utf-8", "replace").splitlines()
    names = (line.strip().partition("==") for line in lines if line.strip() and not line.startswith("#"))
    return {escape_key(name.strip()): version.strip() for name, _, version in names}


def _used_artifacts(service: Service, path: RunPath) -> dict[str, Any]:
    """Collection → the versions of it that the run used."""
    versions: dict[str, list[str]] = {}
    for used in service.list_run_artifacts(path, "used"):
        versions.setdefault(f"{used.entity}/{used.project}/{used.name}", []).append(used.version or used.artifact_id)
    return {escape_key(name): ", ".join(found) for name, found in versions.items()}
