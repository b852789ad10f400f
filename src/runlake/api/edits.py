"""What changed between two states of a config or summary, as edits of single keys."""

from __future__ import annotations

import io
from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Any

from runlake.differences import MISSING, nested_differences
from runlake.model import RunPath
from runlake.service.contract import Service
from runlake.values import canonical, join_path, read_value

if TYPE_CHECKING:
    from runlake.media.stored import WriteFile


def plain_data(data: Mapping[str, Any], write_file: WriteFile, step: int) -> dict[str, Any]:
    """`data` as plain nested data: media stored through `write_file`, arrays as lists, keys as text.

    Raises `LogTypeError` for what cannot be stored.
    """
    from runlake.media.convert import prepare

    prepared = prepare({str(key): value for key, value in data.items()}, write_file, step)
    return {key: read_value(canonical(value)) for key, value in prepared.items()}


def file_writer(service: Service, path: RunPath) -> WriteFile:
    """A function that stores files in a run, as media ask for it."""

    def write_file(name: str, content: bytes) -> None:
        service.put_file(path, name, io.BytesIO(content))

    return write_file


def changes(
    before: Mapping[str, Any], after: Mapping[str, Any], touched: Collection[str] = ()
) -> tuple[dict[str, Any], tuple[str, ...]]:
    """Paths to set with their values, and paths to remove, that make `after` of `before`; both plain data.

    Keys in `touched` are set even where their value is what it was: somebody else may have changed it.
    """
    to_set: dict[str, Any] = {}
    to_remove: list[str] = []
    for keys, _, value in nested_differences(before, after, frozenset(touched)):
        if value is MISSING:
            to_remove.append(join_path(keys))
        else:
            to_set[join_path(keys)] = value
    return to_set, tuple(to_remove)
