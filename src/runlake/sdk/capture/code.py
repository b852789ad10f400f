"""The source files of a program: which they are, and copies of them."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from runlake.errors import PathError, warn

FOLDER = "code"


class Limits(NamedTuple):
    """How much one call copies and looks at."""

    file_bytes: int = 10 * 2**20
    """A larger file is left out and named: it is data, whatever it is called."""
    total_bytes: int = 200 * 2**20
    """Files beyond are left out and named."""
    walked_count: int = 200_000
    """Files looked at where git does not say which ones there are: more mean that `root` is no program's folder."""


LIMITS = Limits()

LEFT_OUT_FOLDERS = frozenset(
    {"__pycache__", "node_modules", "venv", "env", "site-packages", "dist-packages", "wandb", "mlruns"}
)
"""Folders that hold no source of the program; hidden ones, virtual environments and stores are left out as well."""

_GIT_TIMEOUT_S = 20
_NAMED_COUNT = 5

Filter = Callable[..., bool]
"""Called with a path, or with a path and the root; both absolute."""


def is_source(path: str) -> bool:
    """Whether a file is source by its name: Python, Cython, requirements, pyproject.toml, Dockerfiles."""
    name = Path(path).name
    return (
        name.endswith((".py", ".pyi", ".pyx"))
        or name == "pyproject.toml"
        or (name.startswith("requirements") and name.endswith(".txt"))
        or name.startswith("Dockerfile")
    )


def copy_code(
    write_file: Callable[[str, bytes], object],
    root: str | os.PathLike[str] | None = ".",
    include_fn: Filter = is_source,
    exclude_fn: Filter | None = None,
    *,
    limits: Limits = LIMITS,
) -> list[str]:
    """Copy the source files below `root`; answers their paths from there, in order.

    In a git checkout these are the files that git knows or would add;
    elsewhere all but those in hidden folders, virtual environments, caches and stores. `include_fn` says which of
    them, and `exclude_fn` which of those not. Files that are too large are left out and named in a warning.
    Raises `PathError` when `root` is no folder.
    """
    folder = Path(root or ".").absolute()
    if not folder.is_dir():
        raise PathError(f"log_code: {str(folder)!r} is no folder; give the one that holds the program's source")
    included = _with_root(include_fn, folder)
    excluded = None if exclude_fn is None else _with_root(exclude_fn, folder)
    names, left_out, total_bytes = [], [], 0
    for relative in sorted(_files_below(folder, limits.walked_count)):
        path = folder / relative
        if not included(str(path)) or (excluded is not None and excluded(str(path))):
            continue
        try:
            relative.encode()
            size_bytes = path.stat().st_size
            if size_bytes > limits.file_bytes or total_bytes + size_bytes > limits.total_bytes:
                left_out.append(f"{relative} ({size_bytes:,} bytes)")
                continue
            content = path.read_bytes()
        except UnicodeEncodeError:
            left_out.append(f"{relative!r} (a name that is no text)")
            continue
        except OSError as error:  # removed meanwhile, or not ours to read: the others are still worth having
            left_out.append(f"{relative} ({error.strerror})")
            continue
        total_bytes += len(content)
        names.append(relative)
        write_file(names[-1], content)
    if left_out:
        more = f" and {len(left_out) - _NAMED_COUNT} more" if len(left_out) > _NAMED_COUNT else ""
        warn(
            f"log_code left out {', '.join(left_out[:_NAMED_COUNT])}{more}; files of up to "
            f"{limits.file_bytes // 2**20} MiB are copied, {limits.total_bytes // 2**20} MiB in all: "
            "keep others with save()"
        )
    return names


def _with_root(filter: Filter, root: Path) -> Callable[[str], bool]:
    """A filter of one argument, whichever number it takes."""
    import inspect

    try:
        parameters = inspect.signature(filter).parameters.values()
    except (TypeError, ValueError):  # a builtin that does not tell
        return lambda path: bool(filter(path))
    positional = [p for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    takes_root = len([p for p in positional if p.default is p.empty]) >= 2 or any(p.name == "root" for p in positional)
    return lambda path: bool(filter(path, str(root)) if takes_root else filter(path))


def _files_below(root: Path, max_walked_count: int) -> Iterator[str]:
    """Paths from `root` with ``/`` between the parts."""
    known = _files_of_git(root)
    if known is None:
        yield from _walk(root, max_walked_count)
        return
    judged: dict[str, bool] = {"": False}
    for relative in known:
        if not _is_in_left_out(root, relative.rpartition("/")[0], judged) and (root / relative).is_file():
            yield relative


def _files_of_git(root: Path) -> list[str] | None:
    """The files that git knows or would add; None where it knows none, or there is no git."""
    import subprocess

    command = ["git", "-C", str(root), "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    try:
        done = subprocess.run(command, capture_output=True, stdin=subprocess.DEVNULL, timeout=_GIT_TIMEOUT_S)
    except (OSError, subprocess.TimeoutExpired):  # not installed, or too slow: walking is the other way
        return None
    names = {os.fsdecode(name) for name in done.stdout.split(b"\0") if name} if done.returncode == 0 else ()
    # A folder that is ignored as a whole has none; it was asked for, so it is walked.
    return sorted(names) or None


def _walk(root: Path, max_count: int) -> Iterator[str]:
    seen_count = 0
    for folder, folders, files in os.walk(root):
        here = Path(folder)
        folders[:] = sorted(name for name in folders if not _is_left_out(here / name))
        prefix = here.relative_to(root).as_posix()
        for name in sorted(files):
            seen_count += 1
            if seen_count > max_count:
                warn(
                    f"log_code stopped after {max_count:,} files below {str(root)!r}; "
                    "give root= the folder that holds the program's source"
                )
                return
            if (here / name).is_file():  # no pipes, no links that lead nowhere
                yield name if prefix == "." else f"{prefix}/{name}"


def _is_in_left_out(root: Path, folder: str, judged: dict[str, bool]) -> bool:
    if folder not in judged:
        parent = folder.rpartition("/")[0]
        judged[folder] = _is_in_left_out(root, parent, judged) or _is_left_out(root / folder)
    return judged[folder]


def _is_left_out(folder: Path) -> bool:
    return (
        folder.name.startswith(".")
        or folder.name in LEFT_OUT_FOLDERS
        or (folder / "pyvenv.cfg").exists()
        or (folder / "store.toml").exists()
    )
