"""Runs that are at a W&B server, in its cloud or elsewhere: read through the official client, a process for each.

A run is known by the server, its path and when it was made. One that has ended there and is here with as many rows is
not read again, so an import of many that was killed goes on with those that are missing.
"""

from __future__ import annotations

import itertools
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

from runlake.errors import BadValueError
from runlake.importers.foreign import ForeignFile, ForeignRow, ForeignRun, mark_of
from runlake.model import (
    AXES,
    HIDDEN_KEY,
    RUNTIME,
    STEP,
    TIMESTAMP,
    LoggedRow,
    MetricRule,
    State,
    Stream,
    WriterBatch,
    WriterStart,
)  # fmt: skip
from runlake.peers.process import PeerPool

SCHEME = "wandb://"
CLOUD = "https://api.wandb.ai"

OUTPUT_FILE = "output.log"
_NOT_OF_THE_USER = frozenset({*AXES, HIDDEN_KEY})
_ENDS: Mapping[str, tuple[int, State]] = {
    "finished": (0, "finished"),
    "failed": (1, "failed"),
    "killed": (255, "killed"),
}
_SUMMARY_KINDS = {1: "min", 2: "max", 3: "mean", 4: "best", 5: "last", 6: "none", 7: "copy", 8: "first"}
_GOALS = {1: "minimize", 2: "maximize"}


class Address(NamedTuple):
    """What is to be read: a project, or one run of it."""

    entity: str
    project: str
    run_id: str | None = None


class Listed(NamedTuple):
    """A run of the project. `row_count` is what the server says, None where it does not."""

    run_id: str
    row_count: int | None


def parse_address(text: str) -> Address:
    """The inverse of ``wandb://ENTITY/PROJECT[/RUN]``; BadValueError for anything else."""
    parts = text.removeprefix(SCHEME).strip("/").split("/")
    if not text.startswith(SCHEME) or len(parts) not in (2, 3) or not all(parts):
        raise BadValueError(f"{text!r} names no project at W&B; write it as in {SCHEME}ENTITY/PROJECT or …/PROJECT/RUN")
    return Address(*parts)


class WandbServer:
    """A project at a server. `python` has the client; without `has_files` nothing but what was logged is fetched."""

    def __init__(
        self, address: Address, *, base_url: str, key: str, python: str | None = None, has_files: bool = True
    ) -> None:
        self.address, self.has_files = address, has_files
        self._base_url = base_url.rstrip("/")
        self._folder = Path(tempfile.mkdtemp(prefix="runlake-import-"))
        folders = ("WANDB_DIR", "WANDB_CACHE_DIR", "WANDB_CONFIG_DIR", "WANDB_DATA_DIR", "WANDB_ARTIFACT_DIR")
        self.peers = PeerPool(
            "wandb_reader",
            package="W&B's client",
            extra="wandb",
            python=python,
            variables={
                "WANDB_BASE_URL": self._base_url,
                "WANDB_API_KEY": key,
                "WANDB_SILENT": "true",
                "WANDB_ERROR_REPORTING": "false",
                **{name: str(self._folder / "client") for name in folders},
            },
        )

    def close(self) -> None:
        """End the processes, and remove what they left."""
        self.peers.close()
        shutil.rmtree(self._folder, ignore_errors=True)

    @property
    def project(self) -> str:
        """``entity/project`` there."""
        return f"{self.address.entity}/{self.address.project}"

    def list_runs(self) -> list[Listed]:
        """The runs there are, the oldest first."""
        filters = None if self.address.run_id is None else {"name": self.address.run_id}
        found = self.peers.ask("runs", project=self.project, filters=filters)
        return [Listed(each["run_id"], each["row_count"]) for each in found]

    def read_run(self, run_id: str) -> ForeignRun:
        """One run, as it is there now."""
        path = f"{self.project}/{run_id}"
        (about,) = self.peers.ask("run", path=path)
        return _ReadRun(self, path, about).foreign(run_id)

    def mark_of(self, *identity: str) -> str:
        """The mark of something at this server."""
        return mark_of("wandb server", self._base_url, *identity)

    def open_fetched(self, verb: str, **arguments: Any) -> BinaryIO:
        """The content of what a request puts into a folder. It is gone when it is closed."""
        folder = tempfile.mkdtemp(dir=self._folder)
        (answer,) = self.peers.ask(verb, folder=folder, **arguments)
        content = Path(answer["place"]).open("rb")  # noqa: SIM115 - who asked closes it
        shutil.rmtree(folder, ignore_errors=True)  # where an open file cannot be removed, `close` does
        return content


class _ReadRun:
    """One run of a server."""

    def __init__(self, server: WandbServer, path: str, about: Mapping[str, Any]) -> None:
        self._server, self._path, self._about = server, path, about
        self._started_at = float(about["created_at"] or 0.0)
        self._last_at = self._started_at
        self._counts = dict[Stream, int]()
        self._problems: list[str] = []

    def foreign(self, run_id: str) -> ForeignRun:
        """As an import reads it."""
        about, machine = self._about, self._about["machine"]
        return ForeignRun(
            run_id=run_id,
            mark=self._server.mark_of(self._path, str(about["created_at"])),
            place=f"{SCHEME}{self._path}",
            start=WriterStart(
                name=about["name"],
                notes=about["notes"] or None,
                tags=tuple(about["tags"]) or None,
                group=about["group"] or None,
                job_type=about["job_type"] or None,
                user=about["user"],
                host=machine.get("host"),
                program=machine.get("program"),
                sweep=about["sweep"] or None,
                config={key: value for key, value in about["config"].items() if key != HIDDEN_KEY},
                resume="never",
                created_at=self._started_at or None,
            ),
            said=self._said(),
            files=self._files() if self._server.has_files else (),
            problems=self._problems,
            final_counts=self._final_counts(),
        )

    def _final_counts(self) -> dict[str, int] | None:
        told = {"history": self._about["row_count"], "events": self._about["event_count"]}
        if self._about["state"] not in _ENDS or told["history"] is None:
            return None
        return {stream: count for stream, count in told.items() if count is not None}

    def _said(self) -> Iterator[ForeignRow | WriterBatch]:
        asked = itertools.chain(self._history(), self._events(), self._console())
        for row in asked:
            self._counts[row.stream] = self._counts.get(row.stream, 0) + 1
            yield row
        self._compare("history", "row_count")
        self._compare("events", "event_count")
        summary = {key: value for key, value in self._about["summary"].items() if key not in _NOT_OF_THE_USER}
        code, state = _ENDS.get(self._about["state"], (None, None))
        if self._about["state"] == "preempted":
            code = 255
        yield WriterBatch(
            summary=summary,
            rules=tuple(read_rules(self._about["hidden"])),
            is_preempting=self._about["state"] == "preempted",
            exit_code=code,
            state=state,
            runtime_s=self._runtime_s(),
        )

    def _compare(self, stream: Stream, told: str) -> None:
        """What the server counts, and what it handed out, should be the same."""
        found, expected = self._counts.get(stream, 0), self._about[told]
        if expected is not None and found < expected:
            self._problems.append(f"the server says {expected:,} rows of {stream}, and gave {found:,}")

    def _history(self) -> Iterator[ForeignRow]:
        for row in self._rows("history"):
            step = row.pop(STEP, None)
            at, runtime_s = self._times(row)
            row.pop(HIDDEN_KEY, None)
            values = {key: row[key] for key in sorted(row)}  # in one order rows of the same keys are of one shape
            step = int(step) if isinstance(step, int | float) else self._counts.get("history", 0)
            yield ForeignRow("history", LoggedRow(step, at, runtime_s, values))

    def _events(self) -> Iterator[ForeignRow]:
        for number, row in enumerate(self._rows("events")):
            at, runtime_s = self._times(row)
            values = {key: row[key] for key in sorted(row) if key not in _NOT_OF_THE_USER}
            yield ForeignRow("events", LoggedRow(number, at, runtime_s, values))

    def _rows(self, verb: str) -> Iterator[dict[str, Any]]:
        for answer in self._server.peers.ask(verb, path=self._path):
            yield from answer["rows"]

    def _times(self, row: dict[str, Any]) -> tuple[float, float]:
        at, runtime = row.pop(TIMESTAMP, None), row.pop(RUNTIME, None)
        self._last_at = float(at) if isinstance(at, int | float) else self._last_at
        return self._last_at, float(runtime) if isinstance(runtime, int | float) else self._last_at - self._started_at

    def _console(self) -> Iterator[ForeignRow]:
        number = itertools.count()
        for answer in self._server.peers.ask("console", path=self._path):
            lines = answer["lines"] if "lines" in answer else self._lines_of_file()
            for _, said_at, level, text, _ in lines:
                at = self._started_at if said_at is None else said_at
                values = {"line": next(number), "text": text, **({"level": level} if level else {})}
                yield ForeignRow("console", LoggedRow(0, at, max(0.0, at - self._started_at), values))

    def _lines_of_file(self) -> Iterator[tuple[int, None, None, str, None]]:
        """Lines without times, of a client that has none."""
        names = [each["name"] for each in self._server.peers.ask("files", path=self._path)]
        if OUTPUT_FILE in names:
            with self._server.open_fetched("file", path=self._path, name=OUTPUT_FILE) as content:
                for number, line in enumerate(content):
                    yield number, None, None, line.decode("utf-8", "replace").rstrip("\r\n"), None

    def _files(self) -> Iterator[ForeignFile]:
        for each in list(self._server.peers.ask("files", path=self._path)):
            if leads_out(each["name"]):
                self._problems.append(f"the file {each['name']!r} cannot be kept: its name leads out of the run")
                continue
            opener: Callable[[], BinaryIO] = partial(
                self._server.open_fetched, "file", path=self._path, name=each["name"]
            )
            yield ForeignFile(each["name"], opener, each["md5"] or None)

    def _runtime_s(self) -> float:
        hidden = self._about["summary"].get(HIDDEN_KEY)
        told = hidden.get("runtime") if isinstance(hidden, dict) else None
        told = told if isinstance(told, int | float) else self._about["summary"].get(RUNTIME)
        if isinstance(told, int | float):
            return float(told)
        return max(0.0, float(self._about["heartbeat_at"] or self._started_at) - self._started_at)


def leads_out(name: str) -> bool:
    """Whether a file of this name could lie elsewhere than in the folder into which it is put."""
    parts = name.replace("\\", "/").split("/")
    return name.startswith(("/", "\\")) or ".." in parts or "\0" in name or ":" in parts[0]


def read_rules(hidden: Mapping[str, Any]) -> Iterator[MetricRule]:
    """What ``define_metric`` said, from what the client keeps of it: a list in which names of fields are numbers."""
    told = hidden.get("m")
    told = [rule for rule in told if isinstance(rule, dict)] if isinstance(told, list) else []
    for rule in told:
        name, index = rule.get("1") or rule.get("2"), rule.get("5")
        if not isinstance(name, str):
            continue
        step_metric = rule.get("4")
        if step_metric is None and isinstance(index, int) and 0 < index <= len(told):
            step_metric = told[index - 1].get("1")
        kinds, options = rule.get("7") or (), rule.get("6") or ()
        yield MetricRule(
            name,
            step_metric,
            tuple(_SUMMARY_KINDS[kind] for kind in kinds if kind in _SUMMARY_KINDS),
            _GOALS.get(rule.get("8", 0)),
            2 in options,
            1 in options,
        )
