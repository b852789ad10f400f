"""What an export to another tracker did with a run, and the folder that it writes into."""

from __future__ import annotations

import os
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import msgspec

from runlake.model import RunInfo, RunPath
from runlake.store.layout import encode_file_part, encode_name


class Written(msgspec.Struct, frozen=True, kw_only=True):
    """A run as it is there: `place` is where, `lost` counts what has no home there, by what one of it is called."""

    path: RunPath
    place: str
    row_count: int
    file_count: int = 0
    lost: dict[str, int] = {}


def folder_names(runs: Sequence[RunInfo]) -> dict[str, str]:
    """What the folder of each run is called, by its id: as the run, but where another differs only in its capitals."""
    same = Counter(run.run_id.casefold() for run in runs)
    return {
        run.run_id: encode_name(run.run_id) if same[run.run_id.casefold()] > 1 else encode_file_part(run.run_id)
        for run in runs
    }


@contextmanager
def replacing(place: Path) -> Iterator[BinaryIO]:
    """A file to write, which takes its name when the block ends well, and is gone when it does not."""
    place.parent.mkdir(parents=True, exist_ok=True)
    number, name = tempfile.mkstemp(dir=place.parent, prefix=".runlake-")
    draft = Path(name)
    try:
        with os.fdopen(number, "wb") as file:
            yield file
        draft.chmod(0o666 & ~_umask())
        draft.replace(place)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise


def remove_others(folder: Path, pattern: str, keep: Iterable[Path]) -> None:
    """Remove what an export left there before, and now does not write."""
    kept = set(keep)
    for file in sorted(folder.glob(pattern)):
        if file not in kept and file.is_file():
            file.unlink()


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
