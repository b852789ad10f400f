"""The files of a run on the writing side: where they lie, what `save` copies, and when."""

from __future__ import annotations

import os
from pathlib import Path, PurePath
from typing import Literal

from runlake.errors import BadValueError, PathError
from runlake.model import RunPath
from runlake.store.disk import TEMPORARY_PREFIX, discard, replace_file
from runlake.store.layout import Layout

Policy = Literal["now", "live", "end"]


class RunFiles:
    """Puts files into the run's folder. `live` files are copied again when they change, `end` files at the end."""

    def __init__(self, layout: Layout, path: RunPath) -> None:
        self._layout, self._path = layout, path
        self._watched: dict[str, tuple[Path, Policy, tuple[int, int] | None]] = {}
        self._watched_folders: dict[str, tuple[Path, Policy]] = {}

    @property
    def folder(self) -> Path:
        return self._layout.files_dir(self._path)

    def write(self, name: str, content: bytes) -> None:
        """Store bytes under a name, replacing an older file in one step."""
        target = self._layout.make_file_folders(self._path, name)
        replace_file(target, content)

    def save(
        self, pattern: str | os.PathLike[str], base_path: str | os.PathLike[str] | None, policy: Policy
    ) -> list[str]:
        """Copy what the pattern matches; answers where the copies lie.

        ``out/m.txt`` is stored as it is named, with ``base_path="out"`` as ``m.txt``; an absolute ``/x/dir/f``
        as ``dir/f``. A folder that is named outright is stored with all files in it, those that come later too unless
        the policy is ``now``; of a store in it nothing. Nothing that matches, or a missing file: an empty list.
        """
        if policy not in ("now", "live", "end"):
            raise BadValueError(f'save: policy={policy!r}; possible: "now", "live", "end"')
        text = os.fsdecode(pattern)
        if not text or text.startswith(("gs://", "s3://", "http://", "https://")):
            raise PathError(f"save: {text!r} is no local path; download it first")
        if Path(text).is_dir():
            return self._save_folder(Path(text), self._name_of(Path(text), base_path), policy)
        import glob

        matches = sorted(p for p in map(Path, glob.glob(text, recursive=True)) if p.is_file())  # noqa: PTH207 (absolute ones too)
        return [self._save_one(source, self._name_of(source, base_path), policy) for source in matches]

    def refresh(self, *, at_end: bool = False) -> list[tuple[str, OSError]]:
        """Copy again what has changed; answers what could not be copied, which is tried again the next time."""
        failed = []
        for name, (folder, policy) in self._watched_folders.items():
            for file_name, source in self._files_in(folder, name):
                self._watched.setdefault(file_name, (source, policy, None))
        for name, (source, policy, seen) in list(self._watched.items()):
            if policy == "end" and not at_end:
                continue
            now = _signature(source)
            if now is not None and now != seen:
                try:
                    self.copy(source, name)
                except OSError as error:
                    failed.append((name, error))
                else:
                    self._watched[name] = (source, policy, now)
        return failed

    def forget(self) -> None:
        """In a forked child: the parent looks after the files."""
        self._watched.clear()
        self._watched_folders.clear()

    def _name_of(self, source: Path, base_path: str | os.PathLike[str] | None) -> str:
        if base_path is not None:
            base = Path(base_path).absolute()
            try:
                return source.absolute().relative_to(base).as_posix()
            except ValueError:
                raise PathError(f"save: {source} does not lie in base_path={os.fsdecode(base_path)!r}") from None
        if source.is_absolute():
            return source.name if source.is_dir() else PurePath(source.parent.name, source.name).as_posix()
        return source.as_posix()

    def _save_folder(self, folder: Path, name: str, policy: Policy) -> list[str]:
        found = self._files_in(folder, name)
        if folder.resolve().is_relative_to(self.folder.resolve()):
            return [str(source) for _, source in found]  # the user wrote them into run.dir: they are there already
        if policy != "now":
            self._watched_folders[name] = (folder.absolute(), policy)
        return [self._save_one(source, file_name, policy) for file_name, source in found]

    def _files_in(self, folder: Path, name: str) -> list[tuple[str, Path]]:
        """Every file of a folder with the name under which it is stored; the store is no part of what it stores."""
        store = self._layout.root.resolve()
        found = []
        for parent, folders, files in os.walk(folder):
            folders[:] = sorted(one for one in folders if Path(parent, one).resolve() != store)
            for file in map(Path(parent).joinpath, sorted(files)):
                if file.is_file():
                    found.append((PurePath(name, file.relative_to(folder)).as_posix(), file))
        return found

    def _save_one(self, source: Path, name: str, policy: Policy) -> str:
        target = self._layout.file_path(self._path, name)
        if policy != "now":
            self._watched[name] = (source.absolute(), policy, _signature(source) if policy == "live" else None)
        if policy != "end":
            self.copy(source, name)
        return str(target)

    def take(self, source: Path, name: str) -> Path:
        """As `copy`, of a file that is not needed where it is: moved, where that is possible."""
        target = self._layout.make_file_folders(self._path, name)
        try:
            return source.replace(target)
        except OSError:  # it lies on another disk
            return self.copy(source, name)

    def copy(self, source: Path, name: str) -> Path:
        """Store a copy of a file under a name, replacing an older one in one step; answers where it lies."""
        target = self._layout.make_file_folders(self._path, name)
        if target.exists() and target.samefile(source):
            return target  # the user wrote it into run.dir: it is there already
        import shutil

        temporary = target.with_name(f"{TEMPORARY_PREFIX}{os.getpid()}-{os.urandom(4).hex()}")
        try:
            shutil.copyfile(source, temporary)
            temporary.replace(target)
        finally:
            discard(temporary)
        return target


def _signature(file: Path) -> tuple[int, int] | None:
    try:
        status = file.stat()
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size
