"""What can be set: each setting with what it may be and its default.

A function that reads a value raises ValueError with what would have been right.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from runlake.model import DEFAULT_PROJECT
from runlake.settings.machine import data_dir, default_entity, host_name, login_name

STORE_FOLDER = ".runlake"


def _text(value: Any) -> str:
    if not isinstance(value, str) or not value:
        raise ValueError("text that is not empty")
    return value


def _any_text(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError("text")
    return value


def _flag(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    word = str(value).strip().lower()
    if word in ("1", "true", "t", "yes", "y", "on"):
        return True
    if word in ("0", "false", "f", "no", "n", "off"):
        return False
    raise ValueError("true or false")


def _words(value: Any) -> tuple[str, ...]:
    """Tags: text parted by commas, or any collection of texts; doubles are dropped, the order is kept."""
    parts = value.split(",") if isinstance(value, str) else value
    if isinstance(parts, Mapping) or not hasattr(parts, "__iter__"):
        raise ValueError("a list of texts, or text parted by commas")
    words = list(parts)
    if not all(isinstance(word, str) for word in words):
        raise ValueError("a list of texts, or text parted by commas")
    return tuple(dict.fromkeys(word.strip() for word in words if word.strip()))


def _path(value: Any) -> Path:
    if not isinstance(value, str | os.PathLike) or not os.fspath(value) or "\0" in str(value):
        raise ValueError("the path of a folder")
    return Path(os.fspath(value)).expanduser()


def _store(value: Any) -> Path:
    folder = _path(value)
    if "://" in str(value):
        raise ValueError("the path of a folder; a server is named by base_url, RUNLAKE_BASE_URL")
    return folder


def folder_of_store(value: Any) -> Path:
    """The store in a folder that is named, as ``WANDB_DIR`` names one."""
    return _path(value) / STORE_FOLDER


def _seconds(minimum: float) -> Callable[[Any], float]:
    def read(value: Any) -> float:
        try:
            seconds = float(value) if not isinstance(value, bool) else -1.0
        except (TypeError, ValueError):
            seconds = -1.0
        if not minimum <= seconds < 1e9:
            raise ValueError(f"a number of seconds, at least {minimum:g}")
        return seconds

    return read


def _bytes(value: Any) -> int:
    """A number of bytes, or text like ``20GB``."""
    text = str(value).strip().upper().removesuffix("B")
    unit = {"K": 10**3, "M": 10**6, "G": 10**9, "T": 10**12}.get(text[-1:], 1)
    try:
        size_bytes = int(float(text if unit == 1 else text[:-1]) * unit) if not isinstance(value, bool) else -1
    except (ValueError, OverflowError):
        size_bytes = -1
    if size_bytes < 0:
        raise ValueError("a number of bytes, like 20GB")
    return size_bytes


def _count(value: Any) -> int:
    try:
        count = int(value) if not isinstance(value, bool | float) else 0
    except (TypeError, ValueError):
        count = 0
    if count < 1:
        raise ValueError("a whole number, at least 1")
    return count


def _one_of(*choices: str, **aliases: str | None) -> Callable[[Any], Any]:
    """A word of a few; `aliases` are other spellings. True and False are looked up as the words true and false."""

    def read(value: Any) -> str | None:
        word = str(value).strip().lower()
        if word in choices:
            return word
        if isinstance(value, str | bool) and word in aliases:
            return aliases[word]
        raise ValueError("one of " + ", ".join(choices))

    return read


class Row(NamedTuple):
    """One setting: `default` may be a function of the environment; `aliases` are its names in ``wandb.Settings``."""

    name: str
    read: Callable[[Any], Any]
    default: Any
    wandb_variable: str | None
    aliases: tuple[str, ...]
    about: str

    @property
    def variables(self) -> tuple[str, ...]:
        """The environment variables that set it, first the strongest."""
        own = f"RUNLAKE_{self.name.upper()}"
        if self.wandb_variable is None:
            return (own,)
        return tuple(dict.fromkeys((own, self.wandb_variable.replace("WANDB_", "RUNLAKE_"), self.wandb_variable)))


_RESUME = _one_of("allow", "must", "never", "auto", true="auto", false=None)
_MODE = _one_of("online", "offline", "disabled", "shared", dryrun="offline")
_CONSOLE = _one_of("auto", "off", "wrap", redirect="wrap", wrap_raw="wrap", wrap_emu="wrap", false="off")
_REINIT = _one_of(
    "default", "return_previous", "finish_previous", "create_new", true="finish_previous", false="return_previous"
)

ROWS = (
    Row("store", _store, data_dir, "WANDB_DIR", (), "the store's folder"),
    Row("root_dir", _path, None, None, ("dir",), "where a store is made if none is named or found, and readers look"),
    Row("base_url", _text, None, None, (), "the runlake server to send to; none: the folder is all there is"),
    Row("entity", _text, default_entity, "WANDB_ENTITY", (), "whose project"),
    Row("project", _text, DEFAULT_PROJECT, "WANDB_PROJECT", (), "the project"),
    Row("run_id", _text, None, "WANDB_RUN_ID", ("id",), "the run's id; none: a new one"),
    Row("name", _any_text, None, "WANDB_NAME", ("run_name",), "what people call the run"),
    Row("group", _any_text, None, "WANDB_RUN_GROUP", ("run_group",), "runs that belong together"),
    Row("job_type", _any_text, None, "WANDB_JOB_TYPE", ("run_job_type",), "train, eval, ..."),
    Row("tags", _words, (), "WANDB_TAGS", ("run_tags",), "short words to find the run by"),
    Row("notes", _any_text, None, "WANDB_NOTES", ("run_notes",), "a longer text about the run"),
    Row("resume", _RESUME, None, "WANDB_RESUME", (), "what to do with an id that exists"),
    Row("reinit", _REINIT, "default", None, (), "what a second init does while a run is active"),
    Row(
        "mode",
        _MODE,
        "online",
        "WANDB_MODE",
        (),
        "online, offline, shared: one of several processes that write one run; or disabled: nothing is written",
    ),
    Row("label", _text, None, "WANDB_X_LABEL", ("x_label",), "the name of this process among those that write the run"),
    Row(
        "primary",
        _flag,
        None,
        "WANDB_X_PRIMARY",
        ("x_primary",),
        "true: how this process ends is how the run ends; false: it is not",
    ),
    Row(
        "update_finish_state",
        _flag,
        None,
        "WANDB_X_UPDATE_FINISH_STATE",
        ("x_update_finish_state",),
        "false: how this process ends is not how the run ends",
    ),
    Row("silent", _flag, False, "WANDB_SILENT", (), "print nothing"),
    Row("quiet", _flag, False, "WANDB_QUIET", (), "print less"),
    Row("strict", _flag, False, None, (), "raise on faults of disk and network instead of warning"),
    Row("console", _CONSOLE, "auto", "WANDB_CONSOLE", (), "whether printed lines are kept"),
    Row(
        "system_interval_s",
        _seconds(0.1),
        15.0,
        None,
        ("x_stats_sampling_interval", "_stats_sampling_interval"),
        "seconds between system metrics",
    ),
    Row("disable_git", _flag, False, "WANDB_DISABLE_GIT", (), "do not look at git"),
    Row("disable_code", _flag, False, "WANDB_DISABLE_CODE", (), "do not keep the diff of the code"),
    Row("disable_system", _flag, False, None, ("x_disable_stats", "_disable_stats"), "no system metrics"),
    Row("sync_tensorboard", _flag, False, None, (), "event files of TensorBoard become rows of the run"),
    Row("monitor_gym", _flag, False, None, (), "videos that gym records become values of the run"),
    Row("save_code", _flag, False, "WANDB_SAVE_CODE", (), "keep the script, or the notebook, with the run"),
    Row("seal", _one_of("detached", "off"), "detached", None, (), "who seals a finished run"),
    Row("finish_timeout_s", _seconds(0.0), 60.0, None, (), "seconds that finish() waits until a server has everything"),
    Row("sync_interval_s", _seconds(0.0), None, None, (), "force rows to the disk this often; none: the system does"),
    Row(
        "artifact_dir",
        _path,
        Path("artifacts"),
        "WANDB_ARTIFACT_DIR",
        (),
        "where files of artifacts are brought if no folder is named",
    ),
    Row(
        "artifact_cache_bytes",
        _bytes,
        20 * 10**9,
        None,
        (),
        "what files of artifacts may take on this machine that came from a server; 0: nothing is kept",
    ),
    Row(
        "artifact_digest_cache",
        _flag,
        True,
        None,
        (),
        "files of artifacts that cannot have changed since they were read are not read again; no: they are",
    ),
    Row("username", _text, login_name, "WANDB_USERNAME", (), "who runs it"),
    Row("host", _text, host_name, "WANDB_HOST", (), "the machine's name"),
    Row("program", _text, None, "WANDB_PROGRAM", (), "the script; none: what Python was started with"),
    Row("sweep_id", _text, None, "WANDB_SWEEP_ID", (), "the sweep that the run is of; its agent says so"),
    Row("sweep_param_path", _path, None, "WANDB_SWEEP_PARAM_PATH", (), "the file with the run's parameters, likewise"),
    Row("agent_interval_s", _seconds(0.01), 3.0, None, (), "seconds between two reports of an agent to its sweep"),
    Row(
        "agent_kill_delay_s",
        _seconds(0.0),
        30.0,
        "WANDB_AGENT_KILL_DELAY",
        (),
        "seconds that a command has to end when its agent stops it",
    ),
    Row(
        "agent_max_initial_failures",
        _count,
        5,
        "WANDB_AGENT_MAX_INITIAL_FAILURES",
        (),
        "an agent none of whose runs ended well stops after so many",
    ),
    Row(
        "agent_disable_flapping",
        _flag,
        False,
        "WANDB_AGENT_DISABLE_FLAPPING",
        (),
        "true: an agent goes on after three failed runs within its first minute",
    ),
)
