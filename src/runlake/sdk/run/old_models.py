"""Models that earlier versions of runlake kept as files of runs, under ``models/<name>/``: they are read as ever."""

from __future__ import annotations

from runlake.errors import PathError
from runlake.model import RunPath
from runlake.store.layout import Layout, check_file_name, check_run_path

FOLDER = "models"


def find_old_model(layout: Layout, run: RunPath, name: str) -> str | None:
    """The path of a model's file, or of its folder where it has several; None where there is none.

    `name` is that of a model of this run; ``run_id/name``, ``project/run_id/name`` and ``entity/project/run_id/name``
    are those of other runs of the store.
    """
    *parents, model = name.removesuffix(":latest").strip("/").split("/")
    if len(parents) > 3 or ":" in model:
        return None
    try:
        path = check_run_path(RunPath(*[*run][: 3 - len(parents)], *parents))
        folder = layout.file_path(path, check_file_name(f"{FOLDER}/{model}"))
    except PathError:
        return None
    if not folder.is_dir():
        return None
    files = [file for file in sorted(folder.rglob("*")) if file.is_file()]
    only = files[0] if len(files) == 1 else None
    return str(only if only is not None and only.parent == folder else folder)
