"""Metadata of artifacts as plain data, whatever a script had in hand."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from runlake.errors import LogTypeError
from runlake.plain import UNKNOWN, plain_structure
from runlake.values import flatten, unflatten


def plain_metadata(metadata: Mapping[Any, Any]) -> dict[str, Any]:
    """Nested plain data with text keys. `LogTypeError` names what cannot be kept."""
    plain = unflatten(flatten(metadata, _plain, stringify_keys=True).items())
    try:
        made: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(plain))
    except (TypeError, ValueError, msgspec.MsgspecError) as error:
        raise LogTypeError(f"the metadata of an artifact cannot be kept: {error}") from None
    return made


def _plain(value: Any) -> Any:
    plain = plain_structure(value)
    return str(value) if plain is UNKNOWN else plain
