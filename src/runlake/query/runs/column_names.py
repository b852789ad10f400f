"""Everything that runs of a project have, by name: what a table may show, and what a filter can be completed with."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final

import numpy as np
import pyarrow as pa

from runlake.listing_model import ColumnKind, RunColumn
from runlake.model import HIDDEN_KEY, Lane, RunInfo
from runlake.query.runs.column import Positions
from runlake.query.runs.filter import FIELDS
from runlake.store.catalog.run_columns import Leaf, RunColumns, walk_leaves
from runlake.values import escape_key

_ROOTS: Final = ("config", "summary")
_KIND_OF_LANE: dict[Lane, ColumnKind] = {
    "i64": "number",
    "f64": "number",
    "bool": "bool",
    "str": "text",
    "null": "null",
}
_KIND_OF_TYPE: dict[type, ColumnKind] = {
    int: "number",
    float: "number",
    bool: "bool",
    str: "text",
    list: "list",
    type(None): "null",
}
_KIND_OF_FIELD: dict[str, ColumnKind] = {"text": "text", "time": "time", "number": "number", "tags": "list"}


def column_names(
    stored: RunColumns | None, added: Sequence[RunInfo], rows: Positions, *, count_field: Callable[[str], int]
) -> list[RunColumn]:
    """The fields, then the paths of config and summary. Rows count those of `stored`, then those of `added`.

    `count_field` tells how many runs have a field. What W&B keeps of a run beside the user's own is left out.
    """
    found: dict[tuple[str, str], dict[ColumnKind, int]] = {}
    start = stored.size if stored else 0
    is_shown = np.zeros(start + len(added), np.bool_)
    is_shown[rows] = True
    for leaf in stored.leaves if stored else ():
        if leaf.root in _ROOTS:
            _note(found, leaf.root, leaf.path, _stored_kinds(leaf, is_shown[:start]))
    shown = [run for run, is_one in zip(added, is_shown[start:].tolist(), strict=True) if is_one]
    for root in _ROOTS if shown else ():
        for path, kind, count in _kinds_in([getattr(run, root) for run in shown]):
            _note(found, root, path, ((kind, count),))
    return [*_fields(count_field), *_named(found)]


def _note(
    found: dict[tuple[str, str], dict[ColumnKind, int]], root: str, path: str, kinds: Sequence[tuple[ColumnKind, int]]
) -> None:
    counts = found.setdefault((root, path), {})
    for kind, count in kinds:
        counts[kind] = counts.get(kind, 0) + count


def _stored_kinds(leaf: Leaf, is_shown: Any) -> list[tuple[ColumnKind, int]]:
    shown = is_shown if leaf.rows is None else is_shown[leaf.rows]
    if leaf.lane != "json":
        return [(_KIND_OF_LANE[leaf.lane], int(np.count_nonzero(shown)))]
    texts = leaf.values.filter(pa.array(shown)).to_pylist()
    kinds = [_kind_of_json(text) for text in texts]
    return [(kind, kinds.count(kind)) for kind in dict.fromkeys(kinds)]


def _kinds_in(trees: Sequence[Mapping[str, Any]]) -> Iterator[tuple[str, ColumnKind, int]]:
    """Paths with the kind of their values, and how many there are: most keys are of the first level and plain."""
    seen: Counter[tuple[str, type]] = Counter()
    nested: dict[str, Counter[tuple[str, ColumnKind]]] = {}
    for tree in trees:
        kinds = list(map(type, tree.values()))
        seen.update(zip(tree, kinds, strict=True))
        if dict in kinds:
            for key, value in tree.items():
                if type(value) is dict:
                    leaves = ((path, _kind_of(leaf)) for path, leaf in walk_leaves({key: value}))
                    nested.setdefault(key, Counter()).update(leaves)
    for (key, kind), count in seen.items():
        if kind is not dict:
            yield escape_key(key), _KIND_OF_TYPE.get(kind, "object"), count
        else:
            for (path, kind_inside), count_inside in nested[key].items():
                yield path, kind_inside, count_inside


def _kind_of(value: Any) -> ColumnKind:
    return _KIND_OF_TYPE.get(type(value), "object")


def _kind_of_json(text: str) -> ColumnKind:
    """Without reading all of it: what has no lane of its own is a list, a dict, text or a long integer."""
    return {"[": "list", "{": "object", '"': "text"}.get(text[:1], "number")  # type: ignore[return-value]


def _fields(count_field: Callable[[str], int]) -> Iterator[RunColumn]:
    """Each field once, under its first name."""
    known: set[str] = set()
    for name, (kind, attributes) in FIELDS.items():
        if attributes[0] not in known:
            known.add(attributes[0])
            yield RunColumn(name=name, kind=_KIND_OF_FIELD[kind], run_count=count_field(name))


def _named(found: dict[tuple[str, str], dict[ColumnKind, int]]) -> Iterator[RunColumn]:
    for root in _ROOTS:
        for (of_root, path), counts in found.items():
            run_count = sum(counts.values())
            if of_root != root or not run_count or path == HIDDEN_KEY or path.startswith(f"{HIDDEN_KEY}."):
                continue
            kinds = [kind for kind, count in counts.items() if count and kind != "null"]
            kind: ColumnKind = "mixed" if len(kinds) > 1 else kinds[0] if kinds else "null"
            yield RunColumn(name=f"{root}.{path}", kind=kind, run_count=run_count)
