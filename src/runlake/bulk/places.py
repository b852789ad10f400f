"""A place by its name: a folder, or ``s3://bucket/folder``; and the manifest that lies there."""

from __future__ import annotations

import os
from pathlib import Path
from urllib.parse import unquote

from runlake.bulk.folder import ExportFolder
from runlake.bulk.manifest import MANIFEST, Manifest, decode_manifest
from runlake.bulk.target import Target
from runlake.errors import BadValueError, NotFoundError, NotSupportedError

Place = str | os.PathLike[str]
"""A folder, or its URL: ``s3://…``, ``file:///…``."""


def is_url(place: Place) -> bool:
    """Whether it is no folder by its path."""
    return isinstance(place, str) and "://" in place


def open_target(place: Place) -> Target:
    """The place of this name. `BadValueError` for a URL that is not known, `NotSupportedError` without obstore."""
    if not is_url(place):
        return ExportFolder(Path(place))
    scheme, _, rest = os.fspath(place).partition("://")
    if scheme == "file":
        return ExportFolder(Path(unquote(rest)))
    if scheme != "s3":
        raise BadValueError(f"{place}: {scheme}:// is not known; it can be s3://bucket/folder, or a folder")
    try:
        from runlake.bulk.bucket import BucketTarget
    except ImportError as error:
        raise NotSupportedError("obstore is not installed; install it with: pip install 'runlake[s3]'") from error
    return BucketTarget(os.fspath(place))


def find_manifest(target: Target) -> Manifest | None:
    """The manifest of a target, None where there is none; errors as `decode_manifest`."""
    content = target.read_manifest()
    return None if content is None else decode_manifest(content, f"{target.place.rstrip('/')}/{MANIFEST}")


def read_manifest(place: Place) -> Manifest:
    """The manifest of a place, or in this file. `NotFoundError` when there is none; errors as `decode_manifest`."""
    text = os.fspath(place)
    if is_url(place):
        text = text.removesuffix("/").removesuffix(f"/{MANIFEST}")
        manifest = find_manifest(open_target(text))
    else:
        file = Path(place) / MANIFEST if Path(place).is_dir() else Path(place)
        manifest, text = None, str(file)
        if file.exists():
            manifest = decode_manifest(file.read_bytes(), str(file))
    if manifest is None:
        raise NotFoundError(f"there is no {text}; a folder that was exported to the end has one")
    return manifest
