"""Whether a segment may be published: whether its rows are in no other one, and in none that is not there. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from runlake.store.segment.meta import Meta

PartKey = tuple[str, int]


def check_publishable(meta: Meta, present: Mapping[str, Meta], sealed_in: Mapping[PartKey, str | None]) -> None:
    """FileNotFoundError, which means "look again", when others sealed meanwhile what this one was made of.

    `present` are the segments that are there, `sealed_in` the parts, with the segment that has each.
    """
    if meta.name in present:
        return  # it was published before: its inputs may be gone since
    replaced = {name: present[name] for name in meta.supersedes if name in present}
    known = set(replaced).union(*(old.supersedes for old in replaced.values()))
    if gone := set(meta.supersedes) - known:
        raise FileNotFoundError(f"of what segment {meta.name} replaces, others replaced {sorted(gone)} meanwhile")
    in_replaced = {part for old in replaced.values() for part in old.covers}
    for other in present.values():
        if meta.name in other.supersedes:
            raise FileNotFoundError(f"segment {meta.name} was replaced by {other.name} before it came")
        if other.name not in replaced and not set(other.covers).isdisjoint(meta.covers):
            raise FileNotFoundError(f"segment {other.name} has parts that {meta.name} was made of")
    for part in meta.covers:
        if part not in in_replaced and sealed_in.get(part, "another") not in (None, meta.name):
            raise FileNotFoundError(f"part {part} of segment {meta.name} was sealed by others meanwhile")
