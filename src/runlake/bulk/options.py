"""What is exported, and how."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import msgspec

from runlake.errors import BadValueError
from runlake.model import STREAMS, Stream
from runlake.query.rows.export import Format, check_format
from runlake.values import encode_json

Shape = Literal["wide", "long"]


class ExportOptions(msgspec.Struct, frozen=True, kw_only=True):
    """What is exported, and how: two exports with the same options can share a folder, one after the other.

    `filters` are those of `list_runs`, as JSON.
    """

    format: Format = "parquet"
    shape: Shape = "wide"
    streams: tuple[Stream, ...] = STREAMS
    keys: tuple[str, ...] | None = None
    filters: str | None = None
    has_files: bool = False


def options_of(
    *,
    format: str,
    shape: str = "wide",
    streams: Sequence[str] | None = None,
    keys: Sequence[str] | None = None,
    filters: Mapping[str, Any] | None = None,
    has_files: bool = False,
) -> ExportOptions:
    """The options in their one form; `BadValueError` for what cannot be.

    Streams are all of them when none is named, and the history alone when keys are.
    """
    chosen = check_format(format)
    if shape not in ("wide", "long"):
        raise BadValueError(f"shape={shape!r}; it can be 'wide' or 'long'")
    if shape == "long" and chosen == "jsonl":
        raise BadValueError("JSON lines have a row a line and no limit of keys; the long shape is for tables")
    if isinstance(keys, str) or isinstance(streams, str):
        raise BadValueError("keys and streams are lists of names")
    named = (STREAMS if keys is None else ("history",)) if streams is None else tuple(streams)
    if not named or not set(named) <= set(STREAMS):
        raise BadValueError(f"streams={list(named)!r}; they can be {', '.join(STREAMS)}")
    return ExportOptions(
        format=chosen,
        shape="long" if shape == "long" else "wide",
        streams=tuple(stream for stream in STREAMS if stream in named),
        keys=None if keys is None else tuple(keys),
        filters=None if filters is None else str(encode_json(dict(filters))),
        has_files=has_files,
    )


def options_text(options: ExportOptions) -> str:
    """Options as people read them."""
    words = [f"format {options.format}", f"shape {options.shape}", f"streams {', '.join(options.streams)}"]
    words += [] if options.keys is None else [f"keys {', '.join(options.keys)}"]
    words += [] if options.filters is None else [f"filter {options.filters}"]
    return ", ".join([*words, "with files" if options.has_files else "without files"])
