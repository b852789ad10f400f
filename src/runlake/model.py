"""The words of the domain as frozen values.

Importing this file loads msgspec and nothing heavier: the training process needs it too.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, NamedTuple

import msgspec

from runlake.errors import BadValueError
from runlake.ready import ready

Stream = Literal["history", "events", "console"]
STREAMS: tuple[Stream, ...] = ("history", "events", "console")

Lane = Literal["i64", "f64", "bool", "str", "null", "json"]
"""The type of a stored value. `json` holds what has no lane of its own: see `values.encode_json`."""

STEP, TIMESTAMP, RUNTIME = "_step", "_timestamp", "_runtime"
AXES = (STEP, TIMESTAMP, RUNTIME)
"""Series that every row has: int64 step, float64 seconds since 1970 (UTC), float64 seconds since the start."""

FIRST_TIME_S, LAST_TIME_S = -62_135_510_400.0, 253_402_214_400.0
"""What a time can be, in seconds since 1970: the years 1 to 9999 but for a day at each end, so any zone can show it."""

State = Literal["running", "finished", "failed", "killed", "crashed", "preempting", "preempted", "pending"]
"""`crashed` is never stored: it is what a reader says of a running run whose writers are gone. `preempting` has called
`mark_preempting` and goes on; `preempted` has called it and then ended by a signal, a failure or without a word."""

ENDED_STATES: frozenset[State] = frozenset({"finished", "failed", "killed", "pending"})
"""No process writes in these, and what comes after them is announced by a change of the store."""

Level = Literal["INFO", "WARN", "ERROR"]
"""How serious an alert is."""

Numbers = tuple[int | float, int | float, float, int, int | float]
"""(min, max, sum, count, first) over the values of one key that are numbers and not NaN, each of the type that was
logged; of equals the earliest."""

DEFAULT_PROJECT = "uncategorized"

HIDDEN_KEY = "_wandb"
"""Where W&B keeps what it knows of a run beside what the user configured: in config and summary."""

METADATA_FILE = "wandb-metadata.json"
"""The file of a run that says how it was started, and where."""


def is_time(seconds: float) -> bool:
    """Whether a number can be a time, or a span between two: finite, and within what calendars know."""
    return FIRST_TIME_S <= seconds <= LAST_TIME_S


class RunPath(NamedTuple):
    """Where a run lives: ``entity/project/run_id``."""

    entity: str
    project: str
    run_id: str

    def __str__(self) -> str:
        return "/".join(self)


class MetricRule(msgspec.Struct, frozen=True):
    """What `define_metric` said of the metrics whose name matches `name` (a glob when it has a `*`).

    `summary` names the aggregates to keep: any of min, max, mean, first, last, none, copy, best.
    """

    name: str
    step_metric: str | None = None
    summary: tuple[str, ...] = ()
    goal: str | None = None
    hidden: bool = False
    step_sync: bool = True


class Alert(msgspec.Struct, frozen=True, kw_only=True):
    """Something that `Run.alert` wanted known: `title` is a line, `timestamp` seconds since 1970 (UTC)."""

    title: str
    text: str
    level: Level
    timestamp: float


class RunInfo(msgspec.Struct, frozen=True, kw_only=True):
    """One run as a reader sees it: the newest generation, with every edit applied.

    Times are float64 seconds since 1970 (UTC). `config` and `summary` are nested plain data; `config`
    may hold keys that begin with an underscore. `last_step` is -1 and `last_row_at` 0 while no row exists.
    `forked_from` names the run and step that a fork began with: ``entity/project/run_id?_step=9``.
    """

    entity: str
    project: str
    run_id: str
    incarnation: str
    generation: str
    name: str
    state: State
    config: dict[str, Any] = {}
    summary: dict[str, Any] = {}
    system_metrics: dict[str, Any] = {}
    tags: tuple[str, ...] = ()
    notes: str | None = None
    group: str | None = None
    job_type: str | None = None
    user: str | None = None
    host: str | None = None
    program: str | None = None
    sweep: str | None = None
    created_at: float = 0.0
    heartbeat_at: float = 0.0
    last_row_at: float = 0.0
    runtime_s: float = 0.0
    exit_code: int | None = None
    last_step: int = -1
    row_count: int = 0
    event_count: int = 0
    console_line_count: int = 0
    metric_rules: tuple[MetricRule, ...] = ()
    alerts: tuple[Alert, ...] = ()
    stop_requested: bool = False
    forked_from: str | None = None

    @property
    def path(self) -> RunPath:
        return RunPath(self.entity, self.project, self.run_id)


class GenerationInfo(msgspec.Struct, frozen=True, kw_only=True):
    """One history of a run: `created_at` is when it was opened, in seconds since 1970."""

    generation: str
    created_at: float
    row_count: int


class FileInfo(msgspec.Struct, frozen=True, kw_only=True):
    """One file of a run. `name` uses `/`; `md5` is base64 as W&B gives it; `updated_at` seconds since 1970."""

    name: str
    size_bytes: int
    mimetype: str
    updated_at: float
    md5: str
    url: str


class ProjectInfo(msgspec.Struct, frozen=True, kw_only=True):
    """One project: `created_at` in seconds since 1970."""

    entity: str
    name: str
    created_at: float
    run_count: int


class RunEdit(msgspec.Struct, frozen=True, kw_only=True):
    """What to change in a stored run; everything left out stays as it is.

    `config_set` and `summary_set` map key paths (`values.join_path`) to values; setting a path replaces the
    whole subtree below it. `config_unset` and `summary_unset` name paths to remove. `info` sets any of
    name, notes, tags, group, job_type; `state` that of a run that no process has written yet.
    """

    config_set: dict[str, Any] = {}
    config_unset: tuple[str, ...] = ()
    summary_set: dict[str, Any] = {}
    summary_unset: tuple[str, ...] = ()
    info: dict[str, Any] = {}
    state: State | None = None


class WriterStart(msgspec.Struct, frozen=True, kw_only=True):
    """How a process that is elsewhere begins to write a run: what it says of itself, and what it goes on with.

    `config` is nested plain data, `default_name` the name of a run that has none. `client` tells processes apart that
    write one run side by side (`is_shared`). `row_counts` are the rows of each stream that the process takes for those
    before its own, where it was told before. `resume`, `rewind_to`, `fork_from`: see `store.opening.open.open_run`.
    `created_at`, in seconds since 1970: when the run began, where that was long ago and elsewhere.
    """

    name: str | None = None
    default_name: str | None = None
    notes: str | None = None
    tags: tuple[str, ...] | None = None
    group: str | None = None
    job_type: str | None = None
    user: str | None = None
    host: str | None = None
    program: str | None = None
    sweep: str | None = None
    config: dict[str, Any] = {}
    resume: Literal["allow", "must", "never"] | None = None
    is_shared: bool = False
    client: str | None = None
    row_counts: dict[str, int] | None = None
    rewind_to: int | None = None
    fork_from: tuple[RunPath, int] | None = None
    created_at: float | None = None


class WriterHandle(msgspec.Struct, frozen=True, kw_only=True):
    """A writer that a server feeds. `row_counts` are the rows that the run had of each stream before it.

    `is_new`: there was no such run.
    """

    path: RunPath
    writer: str
    row_counts: dict[str, int]
    is_new: bool


class LoggedRow(NamedTuple):
    """One row as a process elsewhere logged it; `values` may be nested."""

    step: int
    timestamp: float
    runtime: float
    values: dict[str, Any]


class WriterBatch(msgspec.Struct, frozen=True, kw_only=True):
    """What a process elsewhere has to say at once; all of it is kept, or nothing.

    `rows` are complete rows by stream; `first_n` says which row of its writer the first one is: rows that are there
    already are passed over. `config` and `summary` are whole documents: what changed since the last one of this
    writer is recorded. `exit_code` ends the writer.
    """

    rows: dict[Stream, Sequence[LoggedRow]] = {}
    first_n: dict[Stream, int] = {}
    info: dict[str, Any] = {}
    config: dict[str, Any] | None = None
    summary: dict[str, Any] | None = None
    rules: tuple[MetricRule, ...] = ()
    alerts: tuple[Alert, ...] = ()
    is_preempting: bool = False
    exit_code: int | None = None
    state: State | None = None
    runtime_s: float = 0.0


class WriterAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """How many rows of each stream a writer has written now, and whether somebody asked its process to stop.

    `is_ended`: it has said its last word before; what else a batch says is not recorded then.
    """

    row_counts: dict[str, int]
    is_stop_requested: bool = False
    is_ended: bool = False


class OpenRequest(msgspec.Struct, frozen=True, kw_only=True):
    """How a process opens a run whose journal it writes itself, elsewhere; the bytes follow later (`append_frames`).

    `start` is the body of its START record as `record.encode_body` has it, `token` a random text of this opening.
    With `incarnation` only that life of the run id will do. `header`, the head of its parts, says that the journal has
    begun already, without asking; nothing else counts then. The rest as `store.opening.open.open_run` has it.

    `user` is who opens it, where a server knows that, and then whoever the journal says began the run; None for one who
    may send what others began.
    """

    token: str
    start: bytes = b""
    resume: Literal["allow", "must", "never", "auto"] | None = None
    is_shared: bool = False
    default_name: str | None = None
    rewind_to: int | None = None
    fork_from: tuple[RunPath, int] | None = None
    incarnation: str | None = None
    header: dict[str, Any] | None = None
    user: str | None = None


class WriterGrant(msgspec.Struct, frozen=True, kw_only=True):
    """What a journal that is written elsewhere begins with: the `header` of its parts, and the `frames` of its first.

    It is at `path`, which is another than was asked for where another run has that id. The server has everything
    before byte `offset` of the part `number`. `before`, `numbers`, `next_step`, `is_beside` and `name` are those of
    `store.opening.writers.OpenedRun`.
    """

    path: RunPath
    writer: str
    header: dict[str, Any]
    number: int
    offset: int
    frames: bytes = b""
    before: RunInfo | None = None
    numbers: dict[str, Numbers] = {}
    next_step: int = 0
    is_beside: bool = False
    name: str | None = None


class Appended(msgspec.Struct, frozen=True, kw_only=True):
    """Up to where a part is kept now, and whether somebody asked the process to stop."""

    next_offset: int
    is_stop_requested: bool = False


class RunPage(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A slice of a listing. `version` names the one state of the project that all pages are cut from.

    `problems` says, by run id, why runs of the project cannot be read: they are listed as they last were, if at all.
    """

    runs: tuple[RunInfo, ...]
    total_count: int
    version: str
    problems: dict[str, str] = {}


class ProjectKey(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A key that `run_count` runs of a project have. `media_type` is the `_type` of what was logged, of media."""

    key: str
    kind: Literal["number", "text", "media", "other"]
    media_type: str | None = None
    run_count: int


class ProjectKeys(msgspec.Struct, frozen=True, kw_only=True):
    """A slice of the keys of a project, by name. `version` is another one whenever any of them is."""

    version: str
    total_count: int
    keys: tuple[ProjectKey, ...]


class ConsoleLine(msgspec.Struct, frozen=True, kw_only=True):
    """One line of what the run printed; `level` is None for stdout and "error" for stderr.

    `source` names the process that printed it, where several write one run; numbers are counted for each.
    """

    number: int
    timestamp: float
    level: str | None
    text: str
    source: str | None = None


class TailCursor(msgspec.Struct, frozen=True, kw_only=True):
    """Up to where a reader has the rows of one stream of one run: of each writer all before `next_n`.

    It speaks of rows and not of files, so it outlives sealing and the process: ``str(cursor)`` is JSON, and
    `TailCursor.parse` reads it.
    """

    incarnation: str
    generation: str
    stream: Stream
    next_n: dict[str, int] = {}

    def __str__(self) -> str:
        return msgspec.json.encode(self).decode()

    @classmethod
    def parse(cls, text: str) -> TailCursor:
        """The inverse of `str`; BadValueError for text that is no cursor."""
        try:
            return msgspec.json.decode(text, type=ready(cls))
        except (msgspec.MsgspecError, UnicodeError) as error:
            raise BadValueError(f"{text[:80]!r} is no cursor of a tail ({error}); pass what str(cursor) gave") from None


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """Something `check` found; `place` is a path, and a byte where one is known.

    `kind` is torn, corrupt, missing, foreign, newer, deleted or unreadable.
    """

    kind: str
    place: str
    lost: str
    advice: str


class Merged(msgspec.Struct, frozen=True, kw_only=True):
    """What merging did with one run of another store: it is at `path` here, and at `source` there.

    `outcome`: it is new here; both copies were joined; both were the same; it was left out because it was deleted, or
    because nothing whole was written in it yet. `is_running`: its process lives, so there will be more to merge.
    `kept_beside` names the files that lost their name to a newer one. `is_sweep`: it is a sweep, and its id is in the
    place of the run's; of one that went on in both stores (``differs``) nothing is taken. `is_artifact`: it is a
    collection of artifacts, by its name, of which `version_count` versions came, and `deleted_count` were deleted here
    as they were there; of one that is of another type or kind here (``differs``) nothing is taken.
    """

    path: RunPath
    source: RunPath
    outcome: Literal["new", "joined", "same", "deleted", "empty", "differs"]
    is_running: bool = False
    kept_beside: tuple[str, ...] = ()
    copied_bytes: int = 0
    is_sweep: bool = False
    is_artifact: bool = False
    version_count: int = 0
    deleted_count: int = 0

    @property
    def is_renamed(self) -> bool:
        """Whether it has another id here, because its own is that of another run."""
        return self.path != self.source


class Repair(msgspec.Struct, frozen=True, kw_only=True):
    """What `repair` did about something, or would do; `kind` as in `Finding`, or open (a run left without a word).

    `remedy` says what was done, or why nothing could be; `lost` what does not come back.
    """

    kind: str
    place: str
    remedy: str
    lost: str
    is_mended: bool


class TrashItem(msgspec.Struct, frozen=True, kw_only=True):
    """One folder in the trash: a deleted run, sweep or collection of artifacts, or what a repair put aside.

    `path` and `run_name` are None where nothing in it can be read, and of what is no run. `artifact` is where a
    collection was, ``entity/project/name``. Sizes in bytes, times in seconds since 1970.
    """

    name: str
    path: RunPath | None
    run_name: str | None
    deleted_at: float
    size_bytes: int
    is_run: bool
    artifact: str | None = None


class Garbage(msgspec.Struct, frozen=True, kw_only=True):
    """Something `gc` removed, or would remove: `place` within the store, and how many bytes it held."""

    place: str
    size_bytes: int
