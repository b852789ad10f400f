"""The keys that the runs of a project logged, from the columns of its listing: no run is looked into."""

from __future__ import annotations

import fnmatch
import hashlib
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any, Literal, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from msgspec import Struct, json

from runlake.model import AXES, HIDDEN_KEY, Lane, ProjectKey, RunInfo
from runlake.store.catalog.run_columns import Leaf, Root, RunColumns, laned, unpack_field, walk_leaves
from runlake.values import plain_name

Kind = Literal["number", "text", "media", "other"]

_KIND_OF_LANE: dict[Lane, Kind] = {"i64": "number", "f64": "number", "str": "text"}
_RANK: dict[Kind, int] = {"number": 3, "media": 2, "text": 1, "other": 0}
_AGGREGATE = re.compile(r"(.+)\.(min|max|mean|first|last|best)")
_TYPE = re.compile(r'"_type":\s*"((?:[^"\\]|\\.)*)"')


class KeyList(Struct, frozen=True):
    """All keys of a project by name; `version` follows from them."""

    version: str
    keys: tuple[ProjectKey, ...]


class _Seen(NamedTuple):
    """What is known of a key: how its values were logged, and in how many runs."""

    kind: Kind
    media_type: str | None
    run_count: int


_ONE_NUMBER = _Seen("number", None, 1)


def list_keys(stored: RunColumns | None, added: Sequence[RunInfo], rows: npt.NDArray[np.int64], root: Root) -> KeyList:
    """The keys below `root` of the runs at `rows`, which count those of `stored` first and then those of `added`.

    Where a rule keeps aggregates of a key in the summary in place of its last value, the key itself is meant.
    """
    start = stored.size if stored else 0
    is_shown = np.zeros(start + len(added), np.bool_)
    is_shown[rows] = True
    shown = [run for run, is_one in zip(added, is_shown[start:].tolist(), strict=True) if is_one]
    rules = _rules_of(stored, shown) if root == "summary" else []
    found: dict[str, _Seen] = {}
    aggregated: dict[str, Counter[str]] = {}
    leaves = [*_stored(stored, root, is_shown[:start]), *_added(shown, root)]
    for path, seen in leaves:
        name = plain_name(path)
        if not seen.run_count or (name[0:1] == "_" and (name in AXES or name.partition(".")[0] == HIDDEN_KEY)):
            continue
        parent = _AGGREGATE.fullmatch(name) if rules else None
        if parent is not None and any(fnmatch.fnmatchcase(parent[1], rule) for rule in rules):
            aggregated.setdefault(parent[1], Counter())[parent[2]] += seen.run_count
            continue
        before = found.get(name)
        found[name] = seen if before is None else _both(before, seen)
    for name, run_counts in aggregated.items():
        seen = _Seen("number", None, max(run_counts.values()))
        found[name] = seen if name not in found else _both(found[name], seen)
    keys = tuple(
        ProjectKey(key=name, kind=seen.kind, media_type=seen.media_type, run_count=seen.run_count)
        for name, seen in ((name, found[name]) for name in sorted(found))
    )
    return KeyList(hashlib.sha256(_said_of(keys)).hexdigest()[:24], keys)


def _said_of(keys: tuple[ProjectKey, ...]) -> bytes:
    try:
        return json.encode(keys)
    except UnicodeEncodeError:  # half a surrogate pair
        return repr(keys).encode(errors="backslashreplace")


def _both(one: _Seen, other: _Seen) -> _Seen:
    better = max(one, other, key=lambda seen: _RANK[seen.kind])
    return better._replace(run_count=one.run_count + other.run_count)


def _stored(stored: RunColumns | None, root: Root, is_shown: npt.NDArray[np.bool_]) -> Iterator[tuple[str, _Seen]]:
    all_count = int(np.count_nonzero(is_shown))
    are_all = all_count == len(is_shown)
    for leaf in stored.leaves if stored else ():
        if leaf.root == root:
            count = all_count if leaf.rows is None else len(leaf.rows)
            if leaf.rows is not None and not are_all:
                count = int(np.count_nonzero(is_shown[leaf.rows]))
            kind = _KIND_OF_LANE.get(leaf.lane, "other")
            if leaf.lane == "json":
                yield leaf.path, _json_seen(_first_text(leaf, is_shown), count)
            else:
                yield leaf.path, _Seen(kind, None, count)


def _first_text(leaf: Leaf, is_shown: npt.NDArray[np.bool_]) -> str:
    """The first value that is shown: what media of a key are, they mostly all are."""
    shown = is_shown if leaf.rows is None else is_shown[leaf.rows]
    return str(leaf.values[int(np.argmax(shown))].as_py())


def _json_seen(text: str, count: int) -> _Seen:
    found = _TYPE.search(text)
    if found is not None and text.startswith("{"):
        return _Seen("media", found[1], count)
    return _Seen("text" if text.startswith('"') else "other", None, count)


def _added(runs: Sequence[RunInfo], root: Root) -> Iterator[tuple[str, _Seen]]:
    for run in runs:
        for path, value in walk_leaves(getattr(run, root)):
            if type(value) is float or type(value) is int:
                yield path, _ONE_NUMBER
                continue
            lane, stored = laned(value)
            yield (
                path,
                _json_seen(str(stored), 1) if lane == "json" else _Seen(_KIND_OF_LANE.get(lane, "other"), None, 1),
            )


def _rules_of(stored: RunColumns | None, added: Sequence[RunInfo]) -> list[str]:
    """The names of metrics, as rules have them, of which aggregates are kept."""
    packed: list[Any] = []
    if stored is not None:
        column: pa.Array = stored.fields["metric_rules"]
        packed = pc.unique(column.drop_null()).to_pylist()
    rules = [rule for each in packed for rule in unpack_field("metric_rules", each)]
    rules += [rule for run in added for rule in run.metric_rules]
    return sorted({rule.name for rule in rules if rule.summary})
