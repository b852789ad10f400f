"""Write ``reference/python.md`` from the docstrings: ``python docs/generate_reference.py``."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import runlake
from runlake.api.comparison import RunComparison
from runlake.api.files import File, Files
from runlake.api.people import User
from runlake.api.project import Project
from runlake.api.runs import Runs
from runlake.api.scan import HistoryScan
from runlake.api.stored_run import StoredRun
from runlake.api.stored_summary import StoredSummary
from runlake.api.sweep import Agent, Importances, Sweep, Sweeps
from runlake.api.tail import RunsTail, RunTail
from runlake.api.views import SavedView
from runlake.comparison.picture import Picture
from runlake.media.stored import Media
from runlake.model import Alert
from runlake.sdk.process.session import Session
from runlake.sdk.run.config import Config
from runlake.sdk.run.summary import Summary
from runlake.settings.table import ROWS, Row

PAGE = Path(__file__).parent / "reference" / "python.md"
INTRODUCTION = """# Python reference

Made from the docstrings by `make docs`. Every name of `import runlake` is here. To see them at work, read the
[quickstart](../guide/quickstart.md) and the [export pages](../guide/export/README.md).
"""
OF_THE_ACTIVE_RUN = {
    "alert": "`Run.alert` of the active run.",
    "config": "The config of the active run: see `Config`.",
    "define_metric": "`Run.define_metric` of the active run.",
    "link_artifact": "`Run.link_artifact` of the active run.",
    "link_model": "`Run.link_model` of the active run.",
    "log": "`Run.log` of the active run.",
    "log_artifact": "`Run.log_artifact` of the active run.",
    "log_code": "`Run.log_code` of the active run.",
    "log_model": "`Run.log_model` of the active run.",
    "mark_preempting": "`Run.mark_preempting` of the active run.",
    "run": "The active `Run`, or None when there is none or it has ended.",
    "save": "`Run.save` of the active run.",
    "summary": "The summary of the active run: see `Summary`.",
    "unwatch": "`Run.unwatch` of the active run.",
    "use_artifact": "`Run.use_artifact` of the active run.",
    "use_model": "`Run.use_model` of the active run.",
    "watch": "`Run.watch` of the active run.",
}
READING = {
    StoredRun: "what `Api.run` gives",
    Runs: "what `Api.runs` gives",
    RunTail: "what `StoredRun.tail` gives",
    RunsTail: "what `Runs.tail` and `Api.tail` give",
    RunComparison: "what `Api.compare` gives",
    Picture: "what `RunComparison.picture` gives",
    HistoryScan: "what `StoredRun.scan_history` gives",
    StoredSummary: "what `StoredRun.summary` is",
    Alert: "what `StoredRun.alerts` lists",
    File: "what `StoredRun.file` gives",
    Files: "what `StoredRun.files` gives",
    Project: "what `Api.project` gives",
    Sweep: "what `Api.sweep` gives",
    Sweeps: "what `Api.sweeps` gives",
    Agent: "what `Sweep.agents` lists",
    Importances: "what `Sweep.importance` gives",
    SavedView: "what `Api.views` lists",
    User: "what `Api.viewer` and `StoredRun.user` are",
}
OF_OUR_OWN = {
    "current", "end", "enter_child", "first_console_line", "from_stored", "is_staged", "leave_out", "look", "prepare",
    "refresh_files", "reset", "settle", "skip", "stored", "times", "touched", "write_console", "write_events",
    "writer_id",
}  # fmt: skip
"""What other parts of runlake call, and a user has no need of."""
OWN_FIRST = {runlake.Api, runlake.Run}
"""Classes that stand on others only to be cut into files: what is their own comes before what they inherit."""


def render() -> str:
    """The whole page."""
    parts = [INTRODUCTION, "## Writing\n", _function("init", Session.init), _function("finish", Session.finish)]
    parts += [f"### `runlake.{name}`\n\n{text} Raises `Error` before `init`.\n" for name, text in _active()]
    parts += [f"### `runlake.run`\n\n{OF_THE_ACTIVE_RUN['run']}\n"]
    parts += [_class(runlake.Run, "runlake.Run"), _class(Config, "Config"), _class(Summary, "Summary")]
    parts += [f"### `runlake.AlertLevel`\n\n{_text(runlake.AlertLevel)} {', '.join(runlake.AlertLevel)}.\n"]
    parts += ["[Sweeps](../guide/sweeps.md) shows these two at work.\n"]
    parts += [_function("sweep", runlake.sweep), _function("agent", runlake.agent)]
    parts += [_function("install_as_wandb", runlake.install_as_wandb)]
    parts += ["### `runlake.__version__`\n\nThe version of the package, as text.\n"]
    parts += ["## Data types\n\n[Pictures, tables, histograms, pages](../guide/media.md) shows them at work.\n"]
    parts += [_class(kind, f"runlake.{kind.__name__}", is_made_by_user=True) for kind in _exported(Media)]
    parts += [_function("box3d", runlake.box3d), _class(runlake.Artifact, "runlake.Artifact", is_made_by_user=True)]
    parts += ["## Charts: `runlake.plot`\n\n[Charts](../guide/plots.md) shows them at work.\n"]
    parts += [_function(f"plot.{name}", getattr(runlake.plot, name)) for name in runlake.plot.__all__ if name.islower()]
    parts += [_class(runlake.plot.Chart, "runlake.plot.Chart", "what each of them gives")]
    parts += [_function("plot_table", runlake.plot_table)]
    parts += ["## Reading\n", _class(runlake.Api, "runlake.Api", is_made_by_user=True)]
    parts += [_function("restore", runlake.restore)]
    parts += [_class(kind, kind.__name__, remark) for kind, remark in READING.items()]
    parts += ["## Settings\n", _class(runlake.Settings, "runlake.Settings"), _settings_table()]
    parts += [
        "## Errors\n\nIn brackets: what it is besides, so what else catches it.\n",
        *map(_error, _exported(BaseException)),
    ]
    return "\n".join(parts) + "\n"


def _active() -> Iterator[tuple[str, str]]:
    return ((name, text) for name, text in OF_THE_ACTIVE_RUN.items() if name != "run")


def _function(name: str, function: Any) -> str:
    return f"### `runlake.{name}`\n\n{_call(name, function)}\n\n{_text(function)}\n"


def _class(kind: type, name: str, remark: str = "", *, is_made_by_user: bool = False) -> str:
    heading = f"### `{name}`" + (f": {remark}" if remark else "")
    call = f"\n\n{_call(kind.__name__, kind.__init__)}" if is_made_by_user else ""
    members = _member_lines(_members(kind))
    return f"{heading}{call}\n\n{_text(kind)}\n" + ("\n" + "\n".join(members) + "\n" if members else "")


def _members(kind: type) -> dict[str, Any]:
    """What is public in the class and in what it inherits from us, in the order of the source."""
    found: dict[str, Any] = {}
    bases = [base for base in kind.__mro__ if base.__module__.startswith("runlake")]
    for base in bases if kind in OWN_FIRST else reversed(bases):
        for name, value in vars(base).items():
            is_method = inspect.isfunction(_plain(value)) and not _text(value).startswith("Not there (yet)")
            if not name.startswith("_") and name not in OF_OUR_OWN and (is_method or isinstance(value, property)):
                found[name] = value
    return found


def _member_lines(members: dict[str, Any]) -> list[str]:
    """Properties that say all by their name in one line, the other properties, then methods."""
    properties = {name: value for name, value in members.items() if isinstance(value, property)}
    plain = [f"`{name}`" for name, value in properties.items() if not value.__doc__]
    told = [f"- **{name}**{_kind_of(value)}: {_text(value)}" for name, value in properties.items() if value.__doc__]
    methods = [_method(name, value, members) for name, value in members.items() if name not in properties]
    return [*([f"- {', '.join(plain)}"] if plain else []), *told, *methods]


def _method(name: str, value: Any, members: dict[str, Any]) -> str:
    first = next(other for other, theirs in members.items() if theirs is value)
    own_name = _plain(value).__name__.strip("_")
    if first != name or own_name != name:
        return f"- **{name}**: the same as `{own_name}`."
    text = _text(value).replace("\n\n", "\n").replace("\n", "\n  ")
    return f"- **{name}**`{_signature(_plain(value))}`\n  {text}"


def _plain(value: Any) -> Any:
    return value.__func__ if isinstance(value, classmethod | staticmethod) else value


def _call(name: str, function: Any) -> str:
    one_line = f"{name}{_signature(function)}"
    return f"```python\n{one_line if len(one_line) < 110 else _on_lines(name, function)}\n```"


def _on_lines(name: str, function: Any) -> str:
    return "\n".join([f"{name}(", *(f"    {part}," for part in _parameters(function)), f"){_returns(function)}"])


def _signature(function: Any) -> str:
    return f"({', '.join(_parameters(function))}){_returns(function)}"


def _parameters(function: Any) -> list[str]:
    """Each parameter as it is written; not by `str(signature)`, which differs between versions of Python."""
    written: list[str] = []
    is_keyword_only = False
    for parameter in list(inspect.signature(function).parameters.values())[_has_self(function) :]:
        if parameter.kind is parameter.KEYWORD_ONLY and not is_keyword_only:
            written.append("*")
        is_keyword_only = parameter.kind in (parameter.KEYWORD_ONLY, parameter.VAR_POSITIONAL)
        stars = {parameter.VAR_POSITIONAL: "*", parameter.VAR_KEYWORD: "**"}.get(parameter.kind, "")
        default = "" if parameter.default is parameter.empty else f" = {parameter.default!r}"
        written.append(f"{stars}{parameter.name}: {parameter.annotation}{default}")
    return written


def _has_self(function: Any) -> bool:
    return next(iter(inspect.signature(function).parameters), "") in ("self", "cls")


def _returns(function: Any) -> str:
    annotation = _returned(function)
    return "" if annotation == "None" else f" -> {annotation}"


def _kind_of(value: property) -> str:
    """What a property gives; nothing for one that is only another name."""
    kind = _returned(value.fget)
    return "" if kind == "None" else f" (`{kind}`)"


def _returned(function: Any) -> str:
    return str(getattr(function, "__annotations__", {}).get("return"))


def _text(thing: Any) -> str:
    """The docstring as Markdown: literals with one backtick."""
    return re.sub(r"``(.+?)``", r"`\1`", inspect.cleandoc(_plain(thing).__doc__ or ""))


def _settings_table() -> str:
    rows = ["| Setting | Default | Set by | |", "| --- | --- | --- | --- |"]
    return "\n".join(rows + [_settings_row(row) for row in ROWS]) + "\n"


def _settings_row(row: Row) -> str:
    default = "depends on the user and the machine" if callable(row.default) else f"`{row.default!r}`"
    variables = ", ".join(f"`{variable}`" for variable in row.variables)
    return f"| `{row.name}` | {default} | {variables} | {row.about} |"


def _exported(base: type) -> list[type]:
    """The public classes of this kind; of errors the general ones first."""
    exported = {getattr(runlake, name) for name in runlake.__all__ if name[0].isupper()}
    kinds = [kind for kind in exported if isinstance(kind, type) and issubclass(kind, base)]
    return sorted(kinds, key=lambda kind: (len(kind.__mro__) if base is BaseException else 0, kind.__name__))


def _error(kind: type[BaseException]) -> str:
    parents = ", ".join(f"`{base.__name__}`" for base in kind.__bases__)
    other = " `runlake.Error` is another name for it, the one W&B has." if kind is runlake.Error else ""
    return f"- `runlake.{kind.__name__}` ({parents}): {_text(kind)}{other}"


if __name__ == "__main__":
    PAGE.parent.mkdir(exist_ok=True)
    PAGE.write_text(render(), encoding="utf-8", newline="\n")
