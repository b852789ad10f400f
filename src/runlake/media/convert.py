"""What a user logs that is media, found and stored before the rest of the row is made canonical.

`values.flatten` turns lists into JSON item by item, so a list of images would reach it without its key. Therefore
the writing side calls `prepare` on what is logged first. For a row of plain numbers that is one set comparison.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from runlake.media.file_media import FileMedia, store_list
from runlake.media.html import Html, store_pages
from runlake.media.image import Image, store_images
from runlake.media.stored import WriteFile
from runlake.media.table import as_media
from runlake.values import MAX_DEPTH

_PLAIN = frozenset({float, int, str, bool, type(None), bytes})


def prepare(data: Mapping[str, Any], write_file: WriteFile, step: int) -> Mapping[str, Any]:
    """The row with every media value, at any depth, replaced by its stored dict; `data` itself if there is none.

    Keys keep their order. The key of a file name is the path of nested keys with dots between. Files are written
    as they are found: hand in a `write_file` that collects, if a row that is refused later must leave none.
    """
    if _PLAIN.issuperset(map(type, data.values())):
        return data
    return _prepare_mapping(data, "", write_file, step, 0)


def convert_value(value: Any, write_file: WriteFile, key: str, step: int) -> Any:
    """One value of a type that is not plain data, as plain data; itself when it is no media and holds none.

    Media objects, lists of them, pandas and polars frames (a Table), matplotlib figures and PIL images (an
    Image), figures of plotly and bokeh (their JSON).
    """
    return _prepare_value(value, key, write_file, step, 0)


def _prepare_mapping(
    data: Mapping[str, Any], prefix: str, write_file: WriteFile, step: int, depth: int
) -> Mapping[str, Any]:
    replaced = {}
    for key, value in data.items():
        if type(value) not in _PLAIN:
            plain = _prepare_value(value, f"{prefix}{key}", write_file, step, depth)
            if plain is not value:
                replaced[key] = plain
    return {**data, **replaced} if replaced else data


def _prepare_value(value: Any, key: str, write_file: WriteFile, step: int, depth: int) -> Any:
    if depth > MAX_DEPTH:  # a cycle: canonicalising the row says so
        return value
    if isinstance(value, Mapping):
        return _prepare_mapping(value, f"{key}.", write_file, step, depth + 1)
    if isinstance(value, list | tuple):
        return _prepare_list(value, key, write_file, step, depth)
    media = as_media(value)
    return value if media is None else media.stored(write_file, key, step)


def _prepare_list(items: Sequence[Any], key: str, write_file: WriteFile, step: int, depth: int) -> Any:
    if _PLAIN.issuperset(map(type, items)):
        return items
    media = [None if type(item) in _PLAIN else as_media(item) for item in items]
    images = [item for item in media if isinstance(item, Image)]
    if len(images) == len(items):
        return store_images(images, write_file, key, step)
    pages = [item for item in media if isinstance(item, Html)]
    if len(pages) == len(items):
        return store_pages(pages, write_file, key, step)
    kind = type(media[0])
    files = [item for item in media if isinstance(item, FileMedia) and type(item) is kind]
    if len(files) == len(items):
        return store_list(files, write_file, key, step)
    plain = [
        found.stored(write_file, key, step)
        if found is not None
        else item
        if type(item) in _PLAIN
        else _prepare_value(item, key, write_file, step, depth + 1)
        for item, found in zip(items, media, strict=True)
    ]
    return plain if any(new is not old for new, old in zip(plain, items, strict=True)) else items
