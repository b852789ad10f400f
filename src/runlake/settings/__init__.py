"""What can be set, where each value may come from, and who wins.

The order, first the strongest: arguments of the call, its ``settings=``, ``RUNLAKE_*`` variables, ``WANDB_*``
variables, ``settings.toml`` in the nearest ``.runlake`` folder going up from the current one, the user's own
``settings.toml``, the default. `table.ROWS` is the whole list. An empty variable counts as not set.

In a run that an agent began for a sweep, the variables by which the agent says which run it is, and where it belongs,
are stronger than all of these.

Every ``WANDB_X`` below is also understood as ``RUNLAKE_X``. One differs in meaning: ``RUNLAKE_DIR`` *is* the store,
while ``WANDB_DIR`` is, as W&B has it, the folder *in* which the store is made: ``$WANDB_DIR/.runlake``.

A run must be where a reader looks for it that is told nothing but the current folder and the environment. So what a
script or a library says by the way (``init(dir=)``, W&B's ``root_dir``) chooses a store only where nothing names one,
none is found, and the one it makes is found from here: see `_decide_store`. ``store`` names one outright.

``WANDB_BASE_URL`` is not read, since it names another server, and ``WANDB_API_KEY`` only where a server of ours is
named (`credentials`); `ignored_variables` names what else is set for W&B and has no meaning here.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Literal, NamedTuple

from runlake.errors import BadValueError, NotFoundError
from runlake.settings.machine import SETTINGS_FILE, data_dir, home_of, user_settings_file
from runlake.settings.table import ROWS, STORE_FOLDER, Row, folder_of_store

Resume = Literal["allow", "must", "never", "auto"]
Mode = Literal["online", "offline", "disabled", "shared"]
Reinit = Literal["default", "return_previous", "finish_previous", "create_new"]


class Effective(NamedTuple):
    """A value in force and where it comes from: a variable, a file, ``argument``, ``settings=`` or ``default``."""

    value: Any
    origin: str


def is_server(place: str) -> bool:
    """Whether it is the address of a server, and not that of a folder."""
    return place.partition("://")[0].lower() in ("http", "https")


_ROW_OF = {name: row for row in ROWS for name in (row.name, *row.aliases)}


class Settings:
    """Values in force for one run or one reader; cannot be changed, see `replace`.

    Made by `resolve`, or by a user to pass some of them on: ``init(settings=Settings(mode="offline"))``. Then
    `given` says which were named, and names that runlake does not know (W&B has many) are kept in `ignored`.
    """

    store: Path
    root_dir: Path | None
    base_url: str | None
    entity: str
    project: str
    run_id: str | None
    name: str | None
    group: str | None
    job_type: str | None
    tags: tuple[str, ...]
    notes: str | None
    resume: Resume | None
    reinit: Reinit
    mode: Mode
    label: str | None
    primary: bool | None
    update_finish_state: bool | None
    silent: bool
    quiet: bool
    strict: bool
    console: Literal["auto", "off", "wrap"]
    system_interval_s: float
    disable_git: bool
    disable_code: bool
    disable_system: bool
    sync_tensorboard: bool
    monitor_gym: bool
    save_code: bool
    seal: Literal["detached", "off"]
    finish_timeout_s: float
    sync_interval_s: float | None
    artifact_dir: Path
    artifact_cache_bytes: int
    artifact_digest_cache: bool
    username: str
    host: str
    program: str | None
    sweep_id: str | None
    sweep_param_path: Path | None
    agent_interval_s: float
    agent_kill_delay_s: float
    agent_max_initial_failures: int
    agent_disable_flapping: bool
    ignored: tuple[str, ...]
    given: frozenset[str]

    def __init__(self, **given: Any) -> None:
        values, ignored = _read_all(given, lambda name: f"Settings({name}=)")
        for row in ROWS:
            value = values[row.name] if row.name in values else _default(row, os.environ)
            object.__setattr__(self, row.name, value)
        object.__setattr__(self, "ignored", ignored)
        object.__setattr__(self, "given", frozenset(values))

    def __setattr__(self, name: str, value: Any) -> None:
        raise AttributeError(f"settings cannot be changed; pass {name}= to Settings or to init")

    def __getattr__(self, name: str) -> Any:
        """The names in W&B's Settings: ``run_name`` is ``name``."""
        row = _ROW_OF.get(name)
        if row is None or row.name == name:
            raise AttributeError(f"there is no setting {name!r}; `runlake settings` lists those there are")
        return getattr(self, row.name)

    def tell_places(self, **places: str) -> None:
        """Called by a run that has these settings: `files_dir` and `sync_dir` are its folders."""
        for name, place in places.items():
            object.__setattr__(self, name, place)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Settings) and self.as_dict() == other.as_dict()

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        named = ", ".join(f"{row.name}={getattr(self, row.name)!r}" for row in ROWS if row.name in self.given)
        return f"Settings({named})"

    def as_dict(self) -> dict[str, Any]:
        """Every setting by name, in the order of the table."""
        return {row.name: getattr(self, row.name) for row in ROWS}

    def replace(self, **changes: Any) -> Settings:
        """The same settings with some changed; every value then counts as given."""
        known = {name: value for name, value in self.as_dict().items() if value is not None}
        new = Settings(**(known | changes))
        object.__setattr__(new, "ignored", tuple(dict.fromkeys(self.ignored + new.ignored)))
        return new


def current_folder() -> Path:
    """Where this process stands. NotFoundError when that folder was deleted meanwhile."""
    try:
        return Path.cwd()
    except FileNotFoundError:
        raise NotFoundError(
            "the current folder is gone: it was deleted or moved since this process began there; change to one that is "
            "there (cd, or os.chdir in Python) and call again"
        ) from None


def resolve(arguments: Mapping[str, Any], environ: Mapping[str, str], cwd: Path) -> Settings:
    """The settings in force for a call with these `arguments`, of which None means not given.

    ``arguments["settings"]`` may be a `Settings` or a dict. `BadValueError` names the variable, file or argument.
    """
    effective, ignored = _decide(arguments, environ, cwd)
    settings = Settings()
    for name, (value, _) in effective.items():
        object.__setattr__(settings, name, value)
    object.__setattr__(settings, "ignored", ignored)
    object.__setattr__(settings, "given", frozenset(n for n, e in effective.items() if e.origin != "default"))
    return settings


def names_given(arguments: Mapping[str, Any]) -> frozenset[str]:
    """The settings that a call itself names, directly or in its ``settings=``."""
    passed = arguments.get("settings")
    inside = passed.given if isinstance(passed, Settings) else passed or {}
    names = [name for name in arguments if arguments[name] is not None] + list(inside)
    return frozenset(_ROW_OF[name].name for name in names if name in _ROW_OF)


def explain(arguments: Mapping[str, Any], environ: Mapping[str, str], cwd: Path) -> dict[str, Effective]:
    """Each setting's value in force with its origin, in the order of the table."""
    return _decide(arguments, environ, cwd)[0]


def ignored_variables(environ: Mapping[str, str]) -> tuple[str, ...]:
    """The names of the variables of W&B that are set and not read here, in alphabetical order.

    Libraries may read some of them: ``WANDB_WATCH`` and ``WANDB_LOG_MODEL`` are those of transformers.
    """
    read = {variable for row in ROWS for variable in row.variables} | {"WANDB_API_KEY"}
    return tuple(sorted(v for v in environ if v.startswith("WANDB_") and v not in read and environ[v].strip()))


def find_store(cwd: Path) -> Path | None:
    """The nearest ``.runlake`` folder going up from `cwd`, as git looks for its own; None when there is none."""
    for folder in (cwd, *cwd.parents):
        try:
            if (folder / STORE_FOLDER).is_dir():
                return folder / STORE_FOLDER
        except OSError:  # a folder that may not be looked into is no store of ours
            continue
    return None


class _Layer(NamedTuple):
    """Values of one source by setting; `base` is what a relative folder of a store is relative to."""

    values: dict[str, Effective]
    base: Path


def _decide(
    arguments: Mapping[str, Any], environ: Mapping[str, str], cwd: Path
) -> tuple[dict[str, Effective], tuple[str, ...]]:
    ignored: list[str] = []
    nearest = find_store(cwd)
    layers = list(_layers(arguments, environ, cwd, nearest, ignored))
    effective = {}
    for row in ROWS:
        found = next((layer.values[row.name] for layer in layers if row.name in layer.values), None)
        effective[row.name] = found or Effective(_default(row, environ), "default")
    effective["store"] = _decide_store(layers, environ, cwd, nearest, effective["root_dir"])
    return effective, tuple(dict.fromkeys(ignored))


def _decide_store(
    layers: list[_Layer], environ: Mapping[str, str], cwd: Path, nearest: Path | None, root_dir: Effective
) -> Effective:
    """The store that is named, or found, else the user's own; of `root_dir` one that will be found from `cwd`."""
    layer = next((layer for layer in layers if "store" in layer.values), None)
    named = None if layer is None else layer.values["store"]
    if nearest is not None and (named is None or named.origin == str(user_settings_file(environ))):
        return Effective(nearest, "nearest .runlake")
    if layer is not None and named is not None:
        return Effective(Path(os.path.normpath(layer.base / named.value)), named.origin)
    if root_dir.value is not None:
        wanted = os.path.realpath(cwd / root_dir.value)
        for folder in (cwd, *cwd.parents):
            if os.path.realpath(folder) == wanted:
                return Effective(folder / STORE_FOLDER, root_dir.origin)
    return Effective(data_dir(environ), "default")


def _layers(
    arguments: Mapping[str, Any],
    environ: Mapping[str, str],
    cwd: Path,
    nearest: Path | None,
    ignored: list[str],
) -> Iterator[_Layer]:
    """All sources, first the strongest."""
    passed = arguments.get("settings")
    if isinstance(passed, Settings):
        ignored.extend(passed.ignored)
        passed = {name: getattr(passed, name) for name in passed.given}
    if not isinstance(passed, Mapping | None):
        raise BadValueError(f"settings= is of type {type(passed).__name__}; pass runlake.Settings(...) or a dict")
    direct = {name: value for name, value in arguments.items() if name != "settings"}
    variables = _from_variables(environ)
    yield _Layer(_settled_by_agent(variables), cwd)
    yield _layer(direct, lambda name: f"the argument {name}", "argument", cwd, ignored)
    yield _layer(passed or {}, lambda name: f"settings= {name}", "settings=", cwd, ignored)
    yield _Layer(variables, cwd)
    if nearest is not None:
        yield _from_file(nearest / SETTINGS_FILE, nearest.parent, ignored)
    yield _from_file(user_settings_file(environ), home_of(environ), ignored)


def _layer(
    given: Mapping[str, Any], label: Callable[[str], str], origin: str, base: Path, ignored: list[str]
) -> _Layer:
    values, unknown = _read_all(given, label)
    ignored.extend(unknown)
    return _Layer({name: Effective(value, origin) for name, value in values.items()}, base)


def _from_variables(environ: Mapping[str, str]) -> dict[str, Effective]:
    """Of each setting the first variable that is set; all ``RUNLAKE_*`` come before ``WANDB_*``."""
    values = {}
    for row in ROWS:
        for variable in row.variables:
            if environ.get(variable, "").strip():
                read = folder_of_store if variable == "WANDB_DIR" else row.read
                values[row.name] = Effective(_read(read, environ[variable], variable), variable)
                break
    return values


def _settled_by_agent(variables: Mapping[str, Effective]) -> dict[str, Effective]:
    """What a script cannot choose in a run of a sweep; nothing elsewhere."""
    if "sweep_id" not in variables or "run_id" not in variables:
        return {}
    settled = {name: variables[name] for name in ("entity", "project", "run_id") if name in variables}
    origin = variables["sweep_id"].origin
    if origin == "RUNLAKE_SWEEP_ID":  # W&B's own agent knows nothing of our stores
        settled["base_url"] = variables.get("base_url", Effective(None, origin))
        if "base_url" not in variables and "store" in variables:
            settled["store"] = variables["store"]
    return settled


def _from_file(path: Path, base: Path, ignored: list[str]) -> _Layer:
    try:
        text = path.read_text("utf-8")
    except (FileNotFoundError, NotADirectoryError):
        return _Layer({}, base)
    except (OSError, UnicodeDecodeError) as error:
        raise BadValueError(f"the settings file {path} cannot be read: {error}") from None
    import tomllib

    try:
        given = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise BadValueError(f"the settings file {path} is not TOML: {error}") from None
    # Nobody says there by the way where a run is to go.
    given = {"store" if name == "dir" else name: value for name, value in given.items()}
    return _layer(given, lambda name: f"{name} in {path}", str(path), base, ignored)


def _read_all(given: Mapping[str, Any], label: Callable[[str], str]) -> tuple[dict[str, Any], tuple[str, ...]]:
    """Known names → values that were read, and the names that nobody knows. None means not given."""
    values: dict[str, Any] = {}
    unknown = []
    for name, value in given.items():
        row = _ROW_OF.get(name)
        if row is None:
            unknown.append(str(name))
        elif value is not None:
            values[row.name] = _read(row.read, value, label(name))
    return values, tuple(unknown)


def _read(read: Callable[[Any], Any], value: Any, label: str) -> Any:
    try:
        return read(value)
    except ValueError as error:
        raise BadValueError(f"{label} is {value!r:.200}; it must be {error}") from None


def _default(row: Row, environ: Mapping[str, str]) -> Any:
    return row.default(environ) if callable(row.default) else row.default
