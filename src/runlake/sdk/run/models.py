"""`log_model` and `use_model`: files of a model kept with the run, under ``models/<name>/``."""

from __future__ import annotations

import os
from pathlib import Path, PurePosixPath

from runlake.errors import NotFoundError, PathError
from runlake.model import RunPath
from runlake.sdk.run.files import RunFiles
from runlake.settings import current_folder
from runlake.store.disk import TEMPORARY_PREFIX
from runlake.store.layout import Layout, check_run_path, decode_file_part

FOLDER = "models"


class Models:
    """The models of one run, and the way to those of other runs of the store."""

    def __init__(self, layout: Layout, path: RunPath, files: RunFiles) -> None:
        self._layout, self._path, self._files = layout, path, files

    def log_model(self, path: str | os.PathLike[str], name: str | None = None) -> str:
        """Copy a file, or a folder with all that is in it, and answer the name to use it by.

        Without `name` it is called as the file or folder is. A model of that name in this run is replaced.
        Raises `PathError` for a path that is not there or a name that cannot be one.
        """
        source = Path(path)
        if not source.exists():
            raise PathError(
                f"log_model: {os.fsdecode(path)!r} is not there, seen from {current_folder()}; save the model first"
            )
        model = _check_name(source.absolute().name if name is None else name)
        target = self._layout.file_path(self._path, f"{FOLDER}/{model}")
        kept = set()
        if source.is_dir():
            for file in sorted(source.rglob("*")):
                if file.is_file():
                    relative = file.relative_to(source).as_posix()
                    kept.add(self._files.copy(file, f"{FOLDER}/{model}/{relative}"))
        else:
            kept.add(self._files.copy(source, f"{FOLDER}/{model}/{source.name}"))
        if not kept:
            raise PathError(f"log_model: the folder {os.fsdecode(path)!r} holds no files; save the model into it first")
        # What the older one had and this has not goes last: until then there is always a whole model.
        for file in target.rglob("*"):
            if file.is_file() and file not in kept and not file.name.startswith(TEMPORARY_PREFIX):
                file.unlink()
        return model

    def use_model(self, name: str) -> str:
        """The path of a model's file, or of its folder where it has several: read it there, do not write.

        `name` is that of a model of this run; ``run_id/name``, ``project/run_id/name`` and
        ``entity/project/run_id/name`` are those of other runs of the store. A trailing ``:latest`` is accepted.
        Raises `NotFoundError`, which names the models there are.
        """
        if not isinstance(name, str):
            raise PathError(f"use_model: the name must be a string, not {type(name).__name__}")
        *parents, model = name.removesuffix(":latest").strip("/").split("/")
        if len(parents) > 3:
            raise PathError(f"use_model: {name!r} has too many parts; write entity/project/run_id/name")
        parts = [*self._path][: 3 - len(parents)] + parents
        path = check_run_path(RunPath(*parts))
        folder = self._layout.file_path(path, f"{FOLDER}/{_check_name(model)}")
        if not folder.is_dir():
            known = self._names(path)
            hint = f"it has: {', '.join(known)}" if known else "it has none; keep one with log_model(path)"
            raise NotFoundError(f"no model {model!r} in {path}; {hint}")
        files = [file for file in sorted(folder.rglob("*")) if file.is_file()]
        only = files[0] if len(files) == 1 else None
        return str(only if only is not None and only.parent == folder else folder)

    def _names(self, path: RunPath) -> list[str]:
        folder = self._layout.files_dir(path) / FOLDER
        return sorted(decode_file_part(one.name) for one in folder.iterdir() if one.is_dir()) if folder.is_dir() else []


def _check_name(name: str) -> str:
    if not isinstance(name, str) or not name or name in (".", "..") or PurePosixPath(name).name != name or ":" in name:
        raise PathError(f"a model cannot be called {name!r}; use a name without slashes and colons, like encoder")
    return name
