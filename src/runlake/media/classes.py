"""Classes: the names of the numbers in masks and boxes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from runlake.errors import BadValueError
from runlake.media.arrays import plain
from runlake.media.stored import Media, OpenFile, WriteFile, read_file, store_file
from runlake.values import decode_json, encode_json


class Classes(Media):
    """The classes of pictures: a list of dicts, each with an `id` (a whole number) and a `name`.

    Also made of a dict of names by id, or of a list of names, whose ids are then 0, 1, …
    """

    __slots__ = ("class_set",)

    TYPE = "classes"

    class_set: list[dict[str, Any]]

    def __init__(self, class_set: Any) -> None:
        self.class_set = [{"id": number, "name": name} for number, name in labels_of(class_set).items()]

    @classmethod
    def from_stored(cls, value: Mapping[str, Any], open_file: OpenFile) -> Classes:
        """The classes of a stored dict; the inverse of `stored`."""
        return cls(decode_json(read_file(value, open_file).decode())["class_set"])

    @property
    def labels(self) -> dict[int, str]:
        """Names by id."""
        return labels_of(self.class_set)

    def stored(self, write_file: WriteFile, key: str, step: int) -> dict[str, Any]:
        """Write the classes as JSON and return their dict."""
        content = self.encoded().encode()
        return {"_type": self.TYPE} | store_file(write_file, "metadata/classes", key, step, "classes.json", content)

    def encoded(self) -> str:
        """The classes as JSON, as W&B's client reads them."""
        return encode_json({"_type": self.TYPE, "class_set": self.class_set})

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Classes) and self.class_set == other.class_set

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"Classes({len(self.class_set)}: {', '.join(str(one['name']) for one in self.class_set[:10])})"

    def _repr_html_(self) -> str:
        import html

        return f"<code>{html.escape(json.dumps(self.labels, ensure_ascii=False))}</code>"


def labels_of(given: Any) -> dict[int, str]:
    """Names by id, of Classes or of anything they are made of; nothing of None. Raises `BadValueError`."""
    if given is None:
        return {}
    if isinstance(given, Classes):
        given = given.class_set
    try:
        pairs = given.items() if isinstance(given, Mapping) else (_pair(*item) for item in enumerate(given))
        return {int(plain(number)): str(name) for number, name in pairs}
    except (KeyError, TypeError, ValueError) as error:
        raise BadValueError(
            f"class labels were given as {given!r:.120}; give names by whole numbers, {{0: 'cat', 1: 'dog'}}, "
            "or [{'id': 0, 'name': 'cat'}, …]"
        ) from error


def _pair(place: int, one: Any) -> tuple[Any, Any]:
    return (one["id"], one["name"]) if isinstance(one, Mapping) else (place, one)
