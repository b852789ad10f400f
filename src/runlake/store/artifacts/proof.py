"""What entries of a ledger, drafts and notes of lineage must say to mean something: asked where they are read. Pure.

They are files that anybody may have written. What makes no sense is passed over by readers, all alike, and named by
`runlake check`; what a later runlake adds to an entry passes.
"""

from __future__ import annotations

import math
from typing import Any

import msgspec

from runlake.artifact_model import ArtifactEdit, ArtifactStart
from runlake.errors import BadValueError
from runlake.model import is_time
from runlake.store.artifacts.names import check_aliases, check_artifact_id, check_tags, check_type
from runlake.store.layout import check_run_path
from runlake.values import I64_MAX


def prove_time(word: str, seconds: float) -> None:
    """BadValueError for what is no time."""
    if not is_time(seconds):
        raise BadValueError(f"{word} is {seconds!r}, and no time in seconds since 1970")


def prove_count(word: str, count: int) -> None:
    """BadValueError for what cannot count anything."""
    if not 0 <= count <= I64_MAX:
        raise BadValueError(f"{word} is {count}, which cannot be")


def prove_start(start: ArtifactStart) -> None:
    """BadValueError for what no artifact can begin with."""
    check_type(start.type)
    if start.artifact_id is not None:
        check_artifact_id(start.artifact_id)
    check_aliases(start.aliases)
    check_tags(start.tags)
    if start.run is not None:
        check_run_path(start.run)
    prove_ttl(start.ttl_s)
    prove_plain("what the artifact begins with", start)


def prove_edit(edit: ArtifactEdit) -> None:
    """BadValueError for what no version can be changed to."""
    check_aliases(edit.add_aliases)
    check_tags(edit.add_tags)
    prove_ttl(edit.ttl_s)
    prove_plain("the edit of an artifact", edit)


def prove_plain(what: str, value: Any) -> None:
    """BadValueError for what is not made of text, numbers, lists and dicts with text as their keys."""
    try:
        msgspec.json.encode(value)
    except (TypeError, ValueError, OverflowError, RecursionError) as error:
        raise BadValueError(f"{what} cannot be stored: {error}; use text, numbers, lists and dicts") from None


def prove_ttl(ttl_s: float | None) -> None:
    """BadValueError for what is no age."""
    if ttl_s is not None and not math.isfinite(ttl_s):
        raise BadValueError(f"an artifact cannot be deleted by age after {ttl_s!r} seconds; give a number, or none")
