"""Segments that hold the same parts twice: each part is read from one of them. Pure.

One sealer works on a run at a time, so within one store no part is sealed twice. Two copies of a store may each seal a
run in their own way, and when they are brought together, by `runlake merge` or by copying files, both ways are there:
one copy has its first five parts in one segment, the other in two; or each sealed another edit, and the training run
anew with it.

What one copy sealed of a writer is a chain of stretches from its first part on, so the copy that sealed most has a
chain to the end. Of every writer one chain is read, and nothing else.
"""

from __future__ import annotations

from collections import Counter
from typing import NamedTuple

import msgspec

from runlake.store.segment.meta import Meta


class _Span(NamedTuple):
    """A writer's parts in one segment; the first of two spans from one part on is the one to read."""

    first: int
    minus_last: int
    minus_weight: int
    name: str


def without_repeats(metas: list[Meta]) -> list[Meta]:
    """The segments with everything left out that another of them holds; the same list where nothing is.

    A segment of which only some writers count comes back as a copy whose `covers`, `stretches` and `writers` name
    these alone: its files hold the others still.
    """
    if all(count == 1 for count in Counter(part for meta in metas for part in meta.covers).values()):
        return metas
    spans: dict[str, list[_Span]] = {}
    for meta in metas:
        numbers: dict[str, list[int]] = {}
        for writer, number in meta.covers:
            numbers.setdefault(writer, []).append(number)
        for writer, mine in numbers.items():
            spans.setdefault(writer, []).append(_Span(min(mine), -max(mine), -len(meta.covers), meta.name))
    counting = {(name, writer) for writer, mine in spans.items() for name in _chain(mine)}
    cuts = ((meta, _only(meta, {w for name, w in counting if name == meta.name})) for meta in metas)
    # What a fork began with was never in parts.
    return [cut for meta, cut in cuts if cut.covers or not meta.covers]


def _chain(spans: list[_Span]) -> list[str]:
    """The segments that one after the other hold all parts of a writer; as few as possible."""
    end = max(-span.minus_last for span in spans)
    best: dict[int, list[str]] = {end + 1: []}
    for span in sorted(spans, key=lambda s: (-s.first, s)):
        if span.first not in best and 1 - span.minus_last in best:
            best[span.first] = [span.name, *best[1 - span.minus_last]]
    first = min(span.first for span in spans)
    # Without a chain a segment is missing, which `Snapshot.check_parts` finds: nothing may be hidden then.
    return best.get(first) or [span.name for span in spans]


def _only(meta: Meta, writers: set[str]) -> Meta:
    if all(writer in writers for writer, _ in meta.covers):
        return meta
    return msgspec.structs.replace(
        meta,
        covers=[part for part in meta.covers if part[0] in writers],
        stretches=[stretch for stretch in meta.stretches if stretch.writer in writers],
        writers=[state for state in meta.writers if state.writer in writers],
    )
