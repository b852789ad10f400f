"""What an Aim repository holds, through Aim's own package: its files are RocksDB. See `answer` for how it is asked.

Each run is read where it lies, and not from the index that ``aim up`` makes of all: a run need not be indexed to be
read, and the repository stays as it is.
"""

from __future__ import annotations

import base64
import functools
import importlib.metadata
import math
from collections.abc import Iterator
from typing import Any

import aim
from aim.sdk.run import Run

VERSION = importlib.metadata.version("aim")

ROWS_AT_ONCE = 500
NUMBERS = ("float", "float64", "int", "int64", "number")
SYSTEM = "__system__"
LINES = "logs"
EPOCH = "epoch"


@functools.lru_cache(1)
def _repository(path: str) -> Any:
    return aim.Repo(path)


@functools.lru_cache(1)
def _run(path: str, name: str) -> Any:
    repository = _repository(path)
    run = Run(name, repo=repository, read_only=True)
    run.meta_tree = repository.request_tree("meta", name, read_only=True).subtree("meta")
    run.meta_run_tree = run.meta_tree.subtree("chunks").subtree(name)
    run._tracker.meta_tree = run.meta_tree
    return run


def runs(path: str) -> Iterator[dict[str, Any]]:
    """The runs of a repository, the oldest first."""
    repository = _repository(path)
    found = []
    for name in repository.list_all_runs():
        props = Run(name, repo=repository, read_only=True).props
        found.append((props.creation_time, name))
    for _, name in sorted(found):
        yield {"name": name}


def run(path: str, name: str) -> Iterator[dict[str, Any]]:
    """All that is known of one run but for its values, and how many of these there are, by their types."""
    found = _run(path, name)
    tree = found.meta_run_tree.collect()
    attributes = dict(tree.get("attrs", {}))
    system = attributes.pop("__system_params", None)
    props = found.props
    ended_at = tree.get("end_time")
    yield {
        "title": props.name,
        "notes": props.description,
        "tags": list(props.tags),
        "experiment": props.experiment_obj.name if props.experiment_obj is not None else None,
        "is_archived": bool(props.archived),
        "created_at": props.creation_time,
        "ended_at": ended_at,
        "config": _plain(attributes),
        "system": _plain(system) if isinstance(system, dict) else {},
        "left": _left(tree),
        "artifacts": {key: each.uri for key, each in tree.get("artifacts", {}).items()},
    }


def _left(tree: dict[str, Any]) -> dict[str, int]:
    """How many sequences there are of each type that is not read."""
    found: dict[str, int] = {}
    for traces in tree.get("traces", {}).values():
        for name, about in traces.items():
            kind = about.get("dtype", "float")
            if kind not in (*NUMBERS, *_VALUES) and name != LINES:
                found[kind] = found.get(kind, 0) + 1
    return found


def rows(path: str, name: str, is_system: bool) -> Iterator[dict[str, Any]]:
    """Metrics, texts, images and distributions, or system metrics: all that was tracked at a step is one row."""
    run = _run(path, name)
    columns = [column for column in _columns(run) if column[0].startswith(SYSTEM) is is_system]
    by_step: dict[int, list[Any]] = {}
    for key, steps, values, epochs, times in columns:
        for step, value, epoch, at in zip(steps, values, epochs, times):  # noqa: B905 - older Pythons
            row = by_step.get(step)
            if row is None:
                row = by_step[step] = [at, {}]
            row[0] = min(row[0], at)
            row[1][key] = value
            if epoch is not None and not is_system:
                row[1].setdefault(EPOCH, epoch)
    ordered = [[step, *by_step[step]] for step in sorted(by_step)]
    for start in range(0, len(ordered), ROWS_AT_ONCE):
        yield {"rows": ordered[start : start + ROWS_AT_ONCE]}


def _columns(run: Any) -> Iterator[tuple[str, list[Any], list[Any], list[Any], list[Any]]]:
    """(key, steps, values, epochs, times) of each sequence; None for an epoch that was not told."""
    tree = run.meta_run_tree.collect()
    for context_id, traces in tree.get("traces", {}).items():
        context = run.idx_to_ctx(context_id)
        for name, about in traces.items():
            kind, key = about.get("dtype", "float"), name + _suffix(context.to_dict())
            if kind in NUMBERS:
                steps, columns = run.get_metric(name, context).data.numpy()
                values, epochs, times = (column.tolist() for column in columns[:3])
                epochs = [None if epoch is None or math.isnan(epoch) else _whole(epoch) for epoch in epochs]
                yield key, [int(step) for step in steps.tolist()], values, epochs, times
            elif kind in _VALUES:
                getter, read = _VALUES[kind]
                items = [(step, *value) for step, value in getattr(run, getter)(name, context).data.items()]
                steps = [int(step) for step, *_ in items]
                values = [read(value) for _, value, *_ in items]
                yield key, steps, values, [None] * len(items), [item[3] for item in items]


def _suffix(context: dict[str, Any]) -> str:
    """What stands behind the name of a metric: ``[subset=train]``; nothing for one without a context."""
    parts = ",".join(f"{key}={context[key]}" for key in sorted(context))
    return f"[{parts}]" if parts else ""


def _whole(number: float) -> int | float:
    return int(number) if float(number).is_integer() else number


def _read_text(value: Any) -> Any:
    return [each.data for each in value] if isinstance(value, (list, tuple)) else value.data


def _read_image(value: Any) -> Any:
    images = value if isinstance(value, (list, tuple)) else [value]
    return {
        "_aim": "images",
        "images": [[base64.b64encode(bytes(each.storage["data"])).decode(), each.caption] for each in images],
    }


def _read_distribution(value: Any) -> Any:
    weights, edges = value.to_np_histogram()
    return {"_aim": "distribution", "values": weights.tolist(), "bins": edges.tolist()}


_VALUES = {
    "aim.text": ("get_text_sequence", _read_text),
    "list(aim.text)": ("get_text_sequence", _read_text),
    "aim.image": ("get_image_sequence", _read_image),
    "list(aim.image)": ("get_image_sequence", _read_image),
    "aim.distribution": ("get_distribution_sequence", _read_distribution),
}
"""How a value of a type is read: the function of a run that has the sequence, and that which makes it plain."""


def console(path: str, name: str) -> Iterator[dict[str, Any]]:
    """The lines that were printed, by their number."""
    found = _run(path, name).get_terminal_logs()
    lines = []
    if found is not None:
        lines = [[int(step), value[2] if len(value) > 2 else None, value[0].data] for step, value in found.data.items()]
    for start in range(0, len(lines), ROWS_AT_ONCE):
        yield {"lines": lines[start : start + ROWS_AT_ONCE]}


def _plain(value: Any) -> Any:
    """What JSON can hold; of an object of Aim's own, how it shows itself."""
    if isinstance(value, dict):
        return {str(key): _plain(each) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(each) for each in value]
    return value if value is None or isinstance(value, (bool, int, float, str)) else str(value)


VERBS = {verb.__name__: verb for verb in (runs, run, rows, console)}
