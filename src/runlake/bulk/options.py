"""What is exported, and how."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import msgspec

from runlake.errors import BadValueError
from runlake.model import STREAMS, Stream
from runlake.query.rows.export import Format, check_format
from runlake.query.rows.sample import check_sample_count
from runlake.values import encode_json

Shape = Literal["wide", "long"]
Artifacts = Literal["metadata", "files"]
"""What is exported of artifacts: a table of the versions, or their files too."""


class ExportOptions(msgspec.Struct, frozen=True, kw_only=True):
    """What is exported, and how: two exports with the same options can share a folder, one after the other.

    `filters` are those of `list_runs`, as JSON. With `samples`, at most so many rows of the history of each run, evenly
    chosen, the first and the last among them.
    """

    format: Format = "parquet"
    shape: Shape = "wide"
    streams: tuple[Stream, ...] = STREAMS
    keys: tuple[str, ...] | None = None
    filters: str | None = None
    has_files: bool = False
    artifacts: Artifacts = "metadata"
    samples: int | None = None


def options_of(
    *,
    format: str,
    shape: str = "wide",
    streams: Sequence[str] | None = None,
    keys: Sequence[str] | None = None,
    filters: Mapping[str, Any] | None = None,
    has_files: bool = False,
    artifacts: str = "metadata",
    samples: int | None = None,
) -> ExportOptions:
    """The options in their one form; `BadValueError` for what cannot be.

    Streams are all of them when none is named, and the history alone when keys are.
    """
    chosen = check_format(format)
    if shape not in ("wide", "long"):
        raise BadValueError(f"shape={shape!r}; it can be 'wide' or 'long'")
    if shape == "long" and chosen == "jsonl":
        raise BadValueError("JSON lines have a row a line and no limit of keys; the long shape is for tables")
    if artifacts not in ("metadata", "files"):
        raise BadValueError(f"artifacts={artifacts!r}; it can be 'metadata' or 'files'")
    if samples is not None:
        check_sample_count(samples)
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
        artifacts="files" if artifacts == "files" else "metadata",
        samples=samples,
    )


def options_text(options: ExportOptions) -> str:
    """Options as people read them."""
    words = [f"format {options.format}", f"shape {options.shape}", f"streams {', '.join(options.streams)}"]
    words += [] if options.keys is None else [f"keys {', '.join(options.keys)}"]
    words += [] if options.filters is None else [f"filter {options.filters}"]
    words += [] if options.samples is None else [f"{options.samples:,} samples"]
    words += [] if options.artifacts == "metadata" else ["with the files of artifacts"]
    return ", ".join([*words, "with files" if options.has_files else "without files"])
