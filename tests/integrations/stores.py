"""What two stores say, key by key, and where they do not agree.

A line of a comparison begins with where it is: ``rows.train/loss``, ``config.model.dim``, ``summary.best``,
``files.media/images/x_0_….png``. Values that are others each time are compared by how many there are. Media are
compared by what they are and how large, tables by their cells: the names of files hold hashes of encoded bytes.
"""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

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
OF_A_FILE = {"path", "sha256", "size", "artifact_path", "_latest_artifact_path"}
HASH = re.compile(r"_[0-9a-f]{20}(?=\.)")
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
    names = {HASH.sub("_…", file.name) for file in run.files()} - OF_EVERY_RUN
    return found | {f"files.{name}": True for name in names}


def flat(where: str, value: Any, run: Any) -> dict[str, Any]:
    """A value as what can be compared, a line for each leaf of its dicts; whole floats are as ints."""
    if isinstance(value, dict) and value.get("_type") in ("table-file", "joined-table"):
        return {where: ["table", cells(run, value["path"])]}
    if isinstance(value, dict) and value:
        leaves = {k: v for k, v in value.items() if not ("_type" in value and k in OF_A_FILE)}
        return {name: leaf for key in leaves for name, leaf in flat(f"{where}.{key}", leaves[key], run).items()}
    return {where: plain(value)}


def plain(value: Any) -> Any:
    """A value whose whole floats are ints, and whose NaN equals another."""
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items() if not ("_type" in value and key in OF_A_FILE)}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, float):
        return int(value) if value.is_integer() and abs(value) < 2**63 else repr(value)
    return value


def cells(run: Any, path: str) -> Any:
    """The columns and rows of a table that was kept as a file."""
    with run.file(path).download(root=str(Path(run.path[-1]).absolute()), replace=True) as handle:
        table = json.load(handle)
    return plain([table["columns"], table["data"]])


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
    return len(value) if isinstance(value, list) else type(value).__name__


def short(value: Any) -> str:
    """A value for a person to read."""
    text = repr(value)
    return text if len(text) <= 160 else f"{text[:120]} … {text[-30:]}"
