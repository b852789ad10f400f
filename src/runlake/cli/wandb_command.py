"""The command ``wandb`` below ``runlake exec``, for shell scripts: each verb is one of runlake's with W&B's options.

What a script reads from its output comes as W&B prints it; what W&B has and runlake has not is refused by name.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer

from runlake.cli import output
from runlake.cli.app import app_for, new_app
from runlake.cli.opening import open_store
from runlake.errors import BadValueError, NotSupportedError

Project = Annotated[str | None, typer.Option("-p", "--project")]
Entity = Annotated[str | None, typer.Option("-e", "--entity")]

ANYTHING = {"ignore_unknown_options": True, "allow_extra_args": True, "help_option_names": []}

_ARTIFACTS = "fetch one in Python: `runlake.Api().artifact(name).download()`, and log one with `run.log_artifact(path)`"
_SERVER = "it belongs to W&B's server; runlake's own is started by `runlake serve`"
_CONTAINER = "start the container yourself, with `runlake exec` in front of its command"
REFUSED = {
    "artifact": _ARTIFACTS,
    "beta": "it holds W&B's trials of new commands",
    "controller": "no controller is needed: the store does the search, start agents with `wandb agent`",
    "docker": _CONTAINER,
    "docker-run": _CONTAINER,
    "import": "it brings runs from other trackers to W&B's server",
    **dict.fromkeys(("job", "launch", "launch-agent", "launch-sweep", "scheduler", "sweep-scheduler"), _SERVER),
    "leet": "look at runs with `runlake ls`, `runlake show` and `runlake tail`",
    "local": _SERVER,
    "server": _SERVER,
    "verify": "it looks at W&B's server; `runlake check` looks at every byte of a store",
}

app = new_app()


def main() -> None:
    """Run the command line of this process and exit."""
    app(prog_name="wandb")


def _print_version(asked: bool) -> None:
    if asked:
        from runlake.compat.finder import WANDB_VERSION

        output.print_line(f"wandb, version {WANDB_VERSION}")
        raise typer.Exit


@app.callback()
def root(version: Annotated[bool, typer.Option("--version", callback=_print_version, is_eager=True)] = False) -> None:
    """runlake under the name wandb, as `runlake exec` offers it to shell scripts."""


@app.command()
def agent(
    sweep_id: str,
    project: Project = None,
    entity: Entity = None,
    count: Annotated[int | None, typer.Option("--count")] = None,
    forward_signals: Annotated[bool, typer.Option("-f", "--forward-signals", help="They always are.")] = False,
    term_timeout: Annotated[int | None, typer.Option("-t", "--term-timeout")] = None,
) -> None:
    """Do the runs of a sweep: `runlake agent`."""
    if term_timeout is not None:
        os.environ["RUNLAKE_AGENT_KILL_DELAY_S"] = str(term_timeout)
    _runlake("agent", sweep_id, *_options(project=project, entity=entity, count=count))


@app.command()
def sweep(
    context: typer.Context,
    config_yaml_or_sweep_id: str,
    project: Project = None,
    entity: Entity = None,
    name: Annotated[str | None, typer.Option("--name")] = None,
    prior_runs: Annotated[list[str] | None, typer.Option("-R", "--prior_run")] = None,
    controller: Annotated[bool, typer.Option("--controller", help="None is needed.")] = False,
    verbose: Annotated[bool, typer.Option("--verbose")] = False,
    stop: Annotated[bool, typer.Option("--stop")] = False,
    cancel: Annotated[bool, typer.Option("--cancel")] = False,
    pause: Annotated[bool, typer.Option("--pause")] = False,
    resume: Annotated[bool, typer.Option("--resume")] = False,
) -> None:
    """Begin a sweep, or stop, cancel, pause or resume one: `runlake sweep`."""
    states = [
        f"--{n}"
        for n, is_asked in (("stop", stop), ("cancel", cancel), ("pause", pause), ("resume", resume))
        if is_asked
    ]
    if states:
        _runlake("sweep", config_yaml_or_sweep_id, *states, *_options(project=project, entity=entity))
    from runlake.agents.create import create_sweep
    from runlake.settings import resolve

    settings = resolve({}, os.environ, Path.cwd())
    with open_store(context) as service:
        info = create_sweep(
            service,
            settings,
            config_yaml_or_sweep_id,
            name=name,
            entity=entity,
            project=project,
            prior_runs=prior_runs or (),
        )
        place = service.url
    for line in (
        f"Creating sweep from: {config_yaml_or_sweep_id}",
        f"Created sweep with ID: {info.path.sweep_id}",
        f"View sweep at: {place}",
        f"Run sweep agent with: wandb agent {info.path}",
    ):
        _say(line)


@app.command(context_settings=ANYTHING)
def sync(context: typer.Context) -> None:
    """Send to a server of runlake what is not there yet: `runlake sync`."""
    from runlake.settings import resolve

    if resolve({}, os.environ, Path.cwd()).base_url is None:
        _say("nothing to send: no server of runlake is named, and runs are in their folder")
        return
    # W&B's folders of runs are not there, and its options say which of them are meant.
    targets = [a for a in context.args if not re.match(r"-|\d+$|(.*/)?(wandb|latest-run|(offline-)?run-\d{8}_)", a)]
    _runlake("sync", *targets)


@app.command()
def login(
    keys: Annotated[list[str] | None, typer.Argument(metavar="[KEY]")] = None,
    host: Annotated[str | None, typer.Option("--host", "--base-url")] = None,
    cloud: Annotated[bool, typer.Option("--cloud")] = False,
    relogin: Annotated[bool, typer.Option("--relogin")] = False,
    verify: Annotated[bool, typer.Option("--verify/--no-verify")] = False,
    anonymously: Annotated[bool, typer.Option("--anonymously")] = False,
) -> None:
    """Keep the key of a server of runlake: `runlake login`. Without a server there is nothing to sign in to."""
    from runlake.credentials import find_key
    from runlake.settings import resolve

    base_url = resolve({}, os.environ, Path.cwd()).base_url
    if base_url is None:
        _say("no login is needed: runs are kept in a folder" + (f", and not sent to {host}" if host else ""))
    elif not keys and find_key(base_url, os.environ) is not None:
        _say(f"there is a key for {base_url} already")
    else:
        _runlake("login", base_url, *_options(key=keys[0] if keys else None))


@app.command()
def pull(run: str, project: Project = None, entity: Entity = None) -> None:
    """Copy the files of a run into this folder: `runlake pull`."""
    _runlake("pull", _run_path(run, project, entity), "--root", ".")


@app.command()
def restore(
    run: str,
    project: Project = None,
    entity: Entity = None,
    no_git: Annotated[bool, typer.Option("--no-git")] = False,
    branch: Annotated[bool, typer.Option("--branch/--no-branch")] = True,
) -> None:
    """Bring back the code and the files of a run: `runlake restore`."""
    if not branch:
        raise NotSupportedError(
            "wandb restore --no-branch is not in runlake: the commit always gets a branch of its own"
        )
    _runlake("restore", _run_path(run, project, entity), *(["--no-git"] if no_git else []))


@app.command(context_settings=ANYTHING)
def status(context: typer.Context) -> None:
    """Show the settings in force: `runlake settings`."""
    _runlake("settings", "--json")


@app.command()
def init(
    project: Project = None,
    entity: Entity = None,
    mode: Annotated[str | None, typer.Option("-m", "--mode")] = None,
    reset: Annotated[bool, typer.Option("--reset")] = False,
) -> None:
    """Make this folder one with a store of its own, `.runlake`, and with settings."""
    from runlake.cli.settings_file import set_settings
    from runlake.settings.machine import SETTINGS_FILE
    from runlake.settings.table import STORE_FOLDER

    given = {name: value for name, value in (("project", project), ("entity", entity), ("mode", mode)) if value}
    if not given and not reset:
        raise BadValueError("wandb init: say what is to be set, as in: wandb init --project digits")
    names = ("project", "entity", "mode") if reset else ()
    path = Path.cwd() / STORE_FOLDER / SETTINGS_FILE
    set_settings(path, {**dict.fromkeys(names), **given})
    _say(f"runs of this folder are kept in {path.parent}; its settings are in {path}")


def _set_mode(mode: str | None, *, needs_server: bool) -> None:
    """Write the mode down where it is found from here; None takes it out again."""
    from runlake.cli.settings_file import set_settings
    from runlake.settings import find_store, resolve
    from runlake.settings.machine import SETTINGS_FILE, user_settings_file

    settings = resolve({}, os.environ, Path.cwd())
    if needs_server and settings.base_url is None and settings.mode in ("online", "offline"):
        _say("nothing to switch: no server of runlake is named, and runs are kept in their folder")
        return
    nearest = find_store(Path.cwd())
    path = user_settings_file(os.environ) if nearest is None else nearest / SETTINGS_FILE
    set_settings(path, {"mode": mode})
    _say(f"the mode of runs is {mode or 'online'} now; it is in {path}")


@app.command()
def offline() -> None:
    """Keep runs in their folder, for `wandb sync`."""
    _set_mode("offline", needs_server=True)


@app.command()
def online() -> None:
    """Send runs to their server again."""
    _set_mode(None, needs_server=True)


@app.command(context_settings=ANYTHING)
def disabled(context: typer.Context) -> None:
    """Keep nothing of runs."""
    _set_mode("disabled", needs_server=False)


@app.command(context_settings=ANYTHING)
def enabled(context: typer.Context) -> None:
    """Keep runs again."""
    _set_mode(None, needs_server=False)


@app.command(context_settings=ANYTHING)
def clean(context: typer.Context) -> None:
    """Do nothing: nothing is kept twice."""
    _say("nothing to clean: runs are kept once; `runlake gc` empties the trash")


app.command("purge-cache", context_settings=ANYTHING)(clean)


def _refuser(name: str, reason: str) -> Callable[[typer.Context], None]:
    def refuse(context: typer.Context) -> None:
        raise NotSupportedError(f"wandb {name} is not in runlake: {reason}")

    return refuse


for _name, _reason in REFUSED.items():
    app.command(_name, context_settings=ANYTHING, hidden=True)(_refuser(_name, _reason))


def _runlake(*arguments: str) -> NoReturn:
    """Go on as ``runlake …``."""
    app_for(arguments)(args=list(arguments), prog_name="runlake")
    raise AssertionError("unreachable: the command ends the process")


def _options(**values: Any) -> list[str]:
    return [part for name, value in values.items() if value is not None for part in (f"--{name}", str(value))]


def _run_path(run: str, project: str | None, entity: str | None) -> str:
    """``entity/project/run`` of W&B's ways to write it; ``project:run`` is one of them."""
    parts = run.replace(":", "/").strip("/").split("/")
    if len(parts) == 1 and project is not None:
        parts = [*([entity] if entity else []), project, *parts]
    elif len(parts) == 2 and entity is not None:
        parts = [entity, *parts]
    return "/".join(parts)


def _say(text: str) -> None:
    """As W&B prints: scripts look for these lines on stderr."""
    output.note(f"wandb: {text}")
