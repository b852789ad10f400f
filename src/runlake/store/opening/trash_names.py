"""What folders in the trash are called."""

from __future__ import annotations

import os
import secrets

from runlake.store.layout import encode_name

REPAIR_PREFIX = "repair-"
SWEEP_PREFIX = "sweep-"
COLLECTION_PREFIX = "artifact-"
"""So begin the names of folders in the trash that are no deleted runs."""

DELETED_FILE = "deleted"
"""In the folder of a deleted collection: where it was."""

_MAX_NAME_BYTES = 240


def name_in_trash(prefix: str, *names: str) -> str:
    """A new name for a folder of that kind, which says to people what it was."""
    return cut("-".join([f"{prefix}{secrets.token_hex(4)}", *map(encode_name, names)]))


def cut(name: str) -> str:
    """As much of a name as a folder can have."""
    return os.fsdecode(os.fsencode(name)[:_MAX_NAME_BYTES])
