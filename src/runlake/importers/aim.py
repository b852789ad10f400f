"""Runs of an Aim repository: a folder ``.aim``, which Aim's own package reads in a process of its own.

A metric that was tracked in a context has it behind its name: ``loss[subset=train]``. What was tracked at one step is
one row, with the epoch where there was one; ``__system__cpu`` is the system metric ``system.cpu``. Experiments are
projects. The variables of the process, which Aim keeps too and which may hold keys, stay there.
"""

from __future__ import annotations

import base64
import io
from collections import Counter
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO
from urllib.parse import unquote, urlsplit

from runlake.errors import CommError
from runlake.importers.foreign import ForeignFile, ForeignRow, ForeignRun, LeftOut, mark_of, project_of
from runlake.media.histogram import Histogram
from runlake.media.image import Image
from runlake.model import LoggedRow, WriterBatch, WriterStart
from runlake.peers.process import PeerPool
from runlake.values import encode_json

FOLDER = ".aim"
SYSTEM_FILE = "aim-system-params.json"

_SYSTEM = "__system__"
_VARIABLES = "env_variables"


def is_of(place: Path) -> bool:
    """Whether a folder is a repository, or has one in it."""
    return _repository(place) is not None


def read(place: Path, python: str | None = None) -> Iterator[ForeignRun | LeftOut]:
    """The runs of a repository, the oldest first, and those that Aim cannot read.

    `python` is the interpreter that has Aim, by default this one.
    """
    folder = _repository(place) or place
    peers = PeerPool("aim_reader", package="Aim", extra="aim", python=python, variables={})
    try:
        for each in list(peers.ask("runs", path=str(folder))):
            try:
                (about,) = peers.ask("run", path=str(folder), name=each["name"])
            except CommError as error:
                yield LeftOut(str(folder), "run", f"{each['name']}: {error}", is_damage=True)
            else:
                yield _Run(peers, folder, each["name"], about).foreign()
    finally:
        peers.close()


def _repository(place: Path) -> Path | None:
    """The folder that has ``.aim`` in it."""
    folder = place.resolve().parent if place.name == FOLDER else place
    return folder if (folder / FOLDER / "meta").is_dir() else None


class _Run:
    """One run of a repository."""

    def __init__(self, peers: PeerPool, folder: Path, name: str, about: Mapping[str, Any]) -> None:
        self._peers, self._about = peers, about
        self._name, self._folder = name, folder
        self._started_at = float(about["created_at"])
        self._lost: Counter[str] = Counter({f"{kind} sequence": count for kind, count in about["left"].items()})

    def foreign(self) -> ForeignRun:
        """As an import reads it."""
        about = self._about
        title = about["title"] if about["title"] != f"Run: {self._name}" else None
        if about["is_archived"]:
            self._lost["archive mark"] += 1
        if variables := about["system"].get(_VARIABLES):
            self._lost["environment variable"] += len(variables)
        return ForeignRun(
            run_id=self._name,
            mark=mark_of("aim", self._name),
            place=self._place,
            project=None if about["experiment"] is None else project_of(about["experiment"]),
            start=WriterStart(
                name=title or self._name,
                notes=about["notes"] or None,
                tags=tuple(about["tags"]) or None,
                config=about["config"],
                resume="never",
                created_at=self._started_at,
            ),
            said=self._said(),
            files=self._files(),
            lost=self._lost,
        )

    def _said(self) -> Iterator[ForeignRow | WriterBatch]:
        for step, at, values in self._rows(is_system=False):
            read = {key: _value(values[key]) for key in sorted(values)}
            yield ForeignRow("history", LoggedRow(step, at, max(0.0, at - self._started_at), read))
        for number, (_, at, values) in enumerate(self._rows(is_system=True)):
            measured = {f"system.{key.removeprefix(_SYSTEM)}": values[key] for key in sorted(values)}
            yield ForeignRow("events", LoggedRow(number, at, max(0.0, at - self._started_at), measured))
        for answer in self._ask("console"):
            for number, said_at, text in answer["lines"]:
                at = self._started_at if said_at is None else said_at
                row = LoggedRow(0, at, max(0.0, at - self._started_at), {"line": number, "text": text})
                yield ForeignRow("console", row)
        ended_at = self._about["ended_at"]
        if ended_at is not None:  # Aim does not say whether it ended well
            yield WriterBatch(exit_code=0, runtime_s=max(0.0, ended_at - self._started_at))

    def _rows(self, *, is_system: bool) -> Iterator[tuple[int, float, dict[str, Any]]]:
        for answer in self._ask("rows", is_system=is_system):
            yield from answer["rows"]

    def _ask(self, verb: str, **more: Any) -> Iterator[dict[str, Any]]:
        try:
            yield from self._peers.ask(verb, path=str(self._folder), name=self._name, **more)
        except CommError as error:
            raise CommError(f"{self._place}: {error}") from None

    @property
    def _place(self) -> str:
        return f"{self._folder} ({self._name})"

    def _files(self) -> Iterator[ForeignFile]:
        machine = {key: value for key, value in self._about["system"].items() if key != _VARIABLES}
        if machine:
            yield ForeignFile(SYSTEM_FILE, partial(io.BytesIO, encode_json(machine).encode()))
        for name, address in self._about["artifacts"].items():
            parts = urlsplit(address)
            if parts.scheme == "file":
                yield ForeignFile(name, partial(_open, Path(unquote(parts.path))))
            else:
                self._lost[f"artifact at {parts.scheme}://"] += 1


def _value(value: Any) -> Any:
    """A value as it is logged here."""
    if not isinstance(value, dict):
        return value
    if value["_aim"] == "distribution":
        return Histogram(np_histogram=(value["values"], value["bins"]))
    return [Image(base64.b64decode(content), caption=caption or None) for content, caption in value["images"]]


def _open(file: Path) -> BinaryIO:
    return file.open("rb")
