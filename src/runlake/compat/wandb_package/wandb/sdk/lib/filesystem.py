"""What integrations borrow to work with files."""

import os
import shutil
from pathlib import Path


def mkdir_exists_ok(dir_name: str | os.PathLike[str]) -> None:
    """Make a folder and those above it, if they are not there yet."""
    Path(dir_name).mkdir(parents=True, exist_ok=True)


def safe_copy(source_path: str | os.PathLike[str], target_path: str | os.PathLike[str]) -> str | os.PathLike[str]:
    """Copy a file into its place in one step; answers the place."""
    target = Path(target_path).absolute()
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = target.with_name(f".{target.name}.{os.urandom(4).hex()}")
    try:
        shutil.copy2(source_path, temporary)
        temporary.replace(target)
    finally:
        temporary.unlink(missing_ok=True)
    return target_path
