"""What a tagged value becomes in a row: a number, a text, a Histogram, Images, Audio, or a Table.

Tensors mean what the plugin of their tag says; one without a plugin is a number where it has one item, and a histogram
where it has more.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any

from runlake.integrations.tensorboard.event import Buckets, Encoded, TaggedValue
from runlake.integrations.tensorboard.tensor import Tensor
from runlake.media.audio import Audio
from runlake.media.histogram import MAX_BIN_COUNT, Histogram
from runlake.media.image import Image
from runlake.media.table import Table

_PR_RECALL, _PR_PRECISION = 5, 4
"""Rows of the tensor of a precision-recall curve."""

_FAR = 1e300


def logged_value(tagged: TaggedValue) -> Any:
    """The value for `Run.log`; None for what has no counterpart. Raises `BadValueError` for broken media."""
    value = tagged.value
    if isinstance(value, Buckets):
        return _of_buckets(value)
    if isinstance(value, Encoded):
        return _of_encoded(value.kind, value.content)
    if isinstance(value, Tensor):
        return _of_tensor(value, tagged.plugin)
    return value


def _of_encoded(kind: str, content: bytes) -> Any:
    return [Image(content)] if kind == "image" else Audio(io.BytesIO(content), format="wav")


def _of_tensor(tensor: Tensor, plugin: str) -> Any:
    items = tensor.items
    if any(isinstance(item, bytes) for item in items):
        return _of_texts(items, plugin)
    if plugin == "histograms" and len(tensor.shape) == 2 and tensor.shape[1] == 3:
        return _of_triples(items)
    if plugin == "pr_curves" and len(tensor.shape) == 2 and tensor.shape[0] > _PR_RECALL:
        rows = [items[begin : begin + tensor.shape[1]] for begin in range(0, len(items), tensor.shape[1])]
        points = zip(rows[_PR_RECALL], rows[_PR_PRECISION], strict=True)
        return Table(columns=["recall", "precision"], data=[list(point) for point in points])
    if len(items) == 1:
        return items[0]
    return Histogram(items) if items and plugin in ("", "scalars") else None


def _of_texts(items: Sequence[bytes], plugin: str) -> Any:
    if plugin == "images":  # the width and the height stand first, as text
        return [Image(content) for content in items[2:]] or None
    if plugin == "audio":  # each with its label behind it
        return [Audio(io.BytesIO(content), format="wav") for content in items[::2]] or None
    if plugin in ("", "text"):
        texts = [item.decode("utf-8", "replace") for item in items]
        return texts[0] if len(texts) == 1 else texts
    return None


def _of_triples(items: Sequence[float]) -> Any:
    """Rows of left end, right end and count."""
    if not items:
        return None
    edges = [items[0], *items[1::3]]
    return _histogram(list(items[2::3]), edges)


def _of_buckets(buckets: Buckets) -> Any:
    counts, ends = list(buckets.counts), list(buckets.upper_ends)
    if not counts or len(counts) != len(ends):
        return None
    if counts[0] == 0 and len(counts) > 1:  # it only says where the next one begins
        counts, edges = counts[1:], ends
    else:
        edges = [min(buckets.lowest, ends[0]), *ends]
    if edges[0] < -_FAR:  # the outermost buckets reach as far as numbers do
        edges[0] = min(edges[1], buckets.lowest)
    if edges[-1] > _FAR:
        edges[-1] = max(edges[-2], buckets.highest)
    return _histogram(counts, edges)


def _histogram(counts: list[float], edges: list[float]) -> Histogram:
    """Neighbours without values become one bin; where there are still too many, neighbours are put together evenly."""
    kept_counts: list[float] = []
    kept_edges = edges[:1]
    for count, edge in zip(counts, edges[1:], strict=True):
        if count == 0 and kept_counts and kept_counts[-1] == 0:
            kept_edges[-1] = edge
        else:
            kept_counts.append(count)
            kept_edges.append(edge)
    size = -(-len(kept_counts) // MAX_BIN_COUNT)
    if size > 1:
        kept_counts = [sum(kept_counts[begin : begin + size]) for begin in range(0, len(kept_counts), size)]
        kept_edges = [*kept_edges[:-1:size], kept_edges[-1]]
    whole = [int(count) if float(count).is_integer() else count for count in kept_counts]
    return Histogram(np_histogram=(whole, kept_edges))


__all__ = ["logged_value"]
