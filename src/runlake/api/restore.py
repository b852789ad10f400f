"""A file of a stored run, on this machine: what ``wandb.restore`` does."""

from __future__ import annotations

import os
from collections.abc import Sequence

from runlake.api.api import Api
from runlake.api.files import OpenedFile
from runlake.errors import UsageError


def restore(
    name: str,
    run_path: str | Sequence[str] | None = None,
    replace: bool = False,
    root: str | os.PathLike[str] | None = None,
    *,
    store: str | os.PathLike[str] | None = None,
) -> OpenedFile:
    """Copy the file `name` of the run at `run_path` to `root` (the current folder) and return it open for reading.

    The run is looked for in `store`, or where `Api` looks. A file that lies there already is opened as it is, unless
    `replace`. `NotFoundError`, which is a `CommError` and a
    `ValueError`, names what is not there; without a `run_path` it is a `UsageError`.
    """
    if not run_path:
        raise UsageError(f'restore({name!r}) needs a run: restore({name!r}, run_path="entity/project/run_id")')
    with Api(store) as api:
        return api.run(run_path).restore(name, replace, "." if root is None else root)
