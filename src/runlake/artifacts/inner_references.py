"""References from one artifact to a file of another, as W&B's client notes what is in the store already; pure."""

from __future__ import annotations

from typing import NamedTuple

from runlake.artifacts.names import SCHEME

_KIND = "artifact/"


class FileOfArtifact(NamedTuple):
    """A file of a version, by the id of that and the name inside."""

    artifact_id: str
    name: str


def file_of_artifact(ref: str | None) -> FileOfArtifact | None:
    """What ``wandb-artifact://<id in hex>/<name>`` means; None for every other address, and for none."""
    if ref is None or not ref.startswith(SCHEME):
        return None
    digits, _, name = ref.removeprefix(SCHEME).partition("/")
    try:
        node = bytes.fromhex(digits).decode()
    except ValueError:
        return None
    if not node.startswith(_KIND) or not name:
        return None  # of another server
    return FileOfArtifact(node.removeprefix(_KIND), name)
