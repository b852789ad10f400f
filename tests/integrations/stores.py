"""What two stores say, key by key, and where they do not agree.

A line of a comparison begins with where it is: ``rows.train/loss``, ``config.model.dim``, ``summary.best``,
``files.model.bin``, ``logged.model:v0.aliases``. Values that are others each time are compared by how many there are.
The files of media are compared where rows name them: pictures by their pixels, tables by their cells, charts by their
tables.
"""

import json
import re
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from kept_artifacts import artifacts_of
from plain_values import OF_A_FILE, pixels, plain_leaf

import runlake

OF_THE_CLOCK = {"_timestamp", "_runtime", "_wandb"}
OF_EVERY_RUN = {
    "config.yaml",
    "requirements.txt",
    "wandb-metadata.json",
    "wandb-summary.json",
    "output.log",
    "diff.patch",
}
EVENTS = re.compile(r"(?<=events\.out\.tfevents)\.\S*")
MADE_UP_NAME = re.compile(r"[a-z]+-[a-z]+-\d+")
ABOUT = ("state", "group", "job_type", "tags", "notes")


def runs_of(store: Path) -> list[Any]:
    """All runs of a store, by project and then as they began."""
    api = runlake.Api(str(store))
    return [
        run for project in sorted(api.projects("ada"), key=lambda p: p.name) for run in api.runs(f"ada/{project.name}")
    ]


def said_by(run: Any) -> dict[str, Any]:
    """Everything that a run says and that is the same on another day: where → what."""
    found = {name: getattr(run, name) for name in ABOUT}
    found["name"] = "made up" if MADE_UP_NAME.fullmatch(run.name) else run.name
    found["project"] = run.project
    found |= flat("config", dict(run.config), run)
    found |= flat("summary", {k: v for k, v in run.summary._json_dict.items() if k not in OF_THE_CLOCK}, run)
    for row in run.scan_history():
        step = row.pop("_step")
        for where, value in flat("rows", {k: v for k, v in row.items() if k not in OF_THE_CLOCK}, run).items():
            found.setdefault(where, []).append((step, value))
    names = {file.name for file in run.files() if not file.name.startswith("media/")} - OF_EVERY_RUN
    found |= artifacts_of(run)
    return found | {f"files.{EVENTS.sub('…', name).replace(run.id, 'ID')}": True for name in names}


def flat(where: str, value: Any, run: Any) -> dict[str, Any]:
    """A value as what can be compared, a line for each leaf of its dicts; whole floats are as ints."""
    if isinstance(value, dict) and value.get("_type") == "custom-chart":
        return {where: plain(value["table"], run)}
    if isinstance(value, dict) and value.get("_type") == "table-file":
        return {where.removesuffix("_table"): plain(value, run)}
    if isinstance(value, dict) and value and not is_medium(value):
        return {name: leaf for key in value for name, leaf in flat(f"{where}.{key}", value[key], run).items()}
    return {where: plain(value, run)}


def plain(value: Any, run: Any) -> Any:
    """A value whose whole floats are ints, whose NaN equals another, and whose media are what they show."""
    if isinstance(value, dict):
        left_out = OF_A_FILE if "_type" in value else set()
        found = {key: plain(value[key], run) for key in sorted(value.keys() - left_out)}
        return found | seen(value, run) if is_medium(value) else found
    if isinstance(value, list | tuple):
        return [plain(item, run) for item in value]
    return plain_leaf(value)


def is_medium(value: dict[str, Any]) -> bool:
    """Whether a stored value stands for files of the run."""
    return "_type" in value and ("path" in value or "filenames" in value)


def seen(value: dict[str, Any], run: Any) -> dict[str, Any]:
    """What a stored picture shows, or a table says; of other media only that their files are there."""
    paths = value["filenames"] if "filenames" in value else [value["path"]]
    with tempfile.TemporaryDirectory() as folder:
        for path in paths:
            run.file(path).download(root=folder, replace=True).close()
        if value["_type"] == "table-file":
            table = json.loads(Path(folder, paths[0]).read_text("utf-8"))
            return {"columns": table["columns"], "data": plain(table["data"], run)}
        return {"pixels": [pixels(Path(folder, path)) for path in paths if path.endswith(".png")]}


def differences(official: list[Any], ours: list[Any], varying: tuple[str, ...]) -> Iterator[str]:
    """Where two lists of runs do not say the same, first to first."""
    if len(official) != len(ours):
        yield f"runs: {len(official)} and {len(ours)}"
    for one, other in zip(official, ours, strict=False):
        left, right = said_by(one), said_by(other)
        for where in sorted(left.keys() | right.keys()):
            if any(re.search(pattern, where) for pattern in varying):
                left, right = ({k: amount(v) if k == where else v for k, v in side.items()} for side in (left, right))
            if where not in right:
                yield f"{where}: only with the client: {short(left[where])}"
            elif where not in left:
                yield f"{where}: only with exec: {short(right[where])}"
            elif left[where] != right[where]:
                yield f"{where}: {short(left[where])} and {short(right[where])}"


def amount(value: Any) -> Any:
    """What is compared of a value that is another each time: how many there are."""
    return len(value) if isinstance(value, list) else "dict" if isinstance(value, dict) else "one"


def short(value: Any) -> str:
    """A value for a person to read."""
    text = repr(value)
    return text if len(text) <= 160 else f"{text[:120]} … {text[-30:]}"
