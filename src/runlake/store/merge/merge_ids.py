"""The ids under which versions of another store are found besides their own.

Who logs what is there already begins under an id of its own, which means that version from then on, and so do the ids
of processes that make a version together. They come with the versions that they mean; an id that is one here stays.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from runlake.artifact_model import LATEST, ArtifactPath, CollectionPath
from runlake.errors import CorruptError, NotFoundError, PathError, RunlakeError, StoreError
from runlake.ready import ready
from runlake.store.artifacts.collection import read_artifact_id, write_artifact_id
from runlake.store.artifacts.names import check_artifact_id, is_artifact_id
from runlake.store.disk import list_names
from runlake.store.layout import Layout
from runlake.store.plain_open import check_plain, read_plain

_MAX_FILE_BYTES = 10_000


def merge_ids(layout: Layout, other: Layout, homes: Mapping[str, CollectionPath], failures: list[RunlakeError]) -> None:
    """Bring those that mean one of the versions in `homes`, which says where they are here.

    What cannot be read goes to `failures`, and the others are brought.
    """
    try:
        check_plain(other.root, other.artifact_ids_dir)
    except StoreError as error:
        failures.append(error)
        return
    for name in list_names(other.artifact_ids_dir):
        if name in homes or not is_artifact_id(name):
            continue
        try:
            meant = _meaning_of(other, name)
            if meant in homes and not _is_known(layout, name):
                write_artifact_id(layout, name, homes[meant], means=meant)
        except (StoreError, PathError) as error:
            failures.append(error)


def _meaning_of(other: Layout, name: str) -> str:
    """The id of the version that an id means; of what has its own, as a draft, that."""
    file = other.artifact_ids_dir / name
    try:
        meant = msgspec.json.decode(read_plain(other.root, file, _MAX_FILE_BYTES), type=ready(ArtifactPath)).version
        return name if meant == LATEST else check_artifact_id(meant)
    except FileNotFoundError:
        return name  # collected just now
    except (ValueError, RecursionError) as error:
        raise CorruptError(f"{file} says of no artifact where it is: {error}; see: runlake check") from None


def _is_known(layout: Layout, name: str) -> bool:
    try:
        read_artifact_id(layout, name)
    except NotFoundError:
        return False
    return True
