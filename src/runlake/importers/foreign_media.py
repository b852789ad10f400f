"""Data types of other trackers as ours: the files are read when the row is kept, not before."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from runlake.errors import RunlakeError
from runlake.media.audio import Audio
from runlake.media.convert import convert_value
from runlake.media.html import Html
from runlake.media.image import Image
from runlake.media.molecule import Molecule
from runlake.media.object3d import Object3D
from runlake.media.stored import Media, WriteFile
from runlake.media.video import Video

_MAKERS: Mapping[str, Callable[[Path, str | None], Media]] = {
    "image": lambda file, caption: Image(str(file), caption=caption),
    "audio": lambda file, caption: Audio(str(file), caption=caption),
    "video": lambda file, caption: Video(str(file), caption=caption),
    "object3d": lambda file, caption: Object3D(str(file), caption=caption),
    "molecule": lambda file, caption: Molecule(str(file), caption=caption),
    "html": lambda file, caption: Html(str(file)),
}


class MediaFile(NamedTuple):
    """A file that holds one value of a data type; `kind` is the name of the type in lower case."""

    kind: str
    file: Path
    caption: str | None = None

    @property
    def is_known(self) -> bool:
        """Whether there is such a data type here."""
        return self.kind in _MAKERS


class LateMedia(Media):
    """One or several files of a data type, or a value made of such.

    `make` is called when the row is kept. What cannot be read is named in `problems`, and `otherwise` is kept.
    """

    __slots__ = ("_make", "_otherwise", "_problems")

    def __init__(self, make: Callable[[], Any], otherwise: Any, problems: list[str]) -> None:
        self._make, self._otherwise, self._problems = make, otherwise, problems

    def made(self) -> Any:
        """The value itself; None when it cannot be read."""
        try:
            return self._make()
        except (RunlakeError, OSError, ValueError) as error:
            self._problems.append(str(error))
            return None

    def stored(self, write_file: WriteFile, key: str, step: int) -> dict[str, Any]:
        """As the data type is stored that it turns out to be."""
        try:
            found: dict[str, Any] = convert_value(self._make(), write_file, key, step)
        except (RunlakeError, OSError, ValueError) as error:
            self._problems.append(f"{key} of step {step}: {error}")
            return dict(self._otherwise) if isinstance(self._otherwise, Mapping) else {"value": self._otherwise}
        return found


def late_files(files: Sequence[MediaFile], otherwise: Any, problems: list[str]) -> LateMedia:
    """Files of a data type that is known; several are a list of it."""

    def make() -> Any:
        made = [_MAKERS[each.kind](each.file, each.caption) for each in files]
        return made[0] if len(made) == 1 else made

    return LateMedia(make, otherwise, problems)


def file_below(folder: Path, name: str) -> Path | None:
    """The file of a folder that has this path in it; None for one that is not there, or leads out of it."""
    try:
        root = folder.resolve()
        file = (root / name).resolve()
        return file if file.is_relative_to(root) and file.is_file() else None
    except (OSError, ValueError, RuntimeError):
        return None
