"""Tags of artifacts as they are given: words."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from runlake.server.wandb.mutations.given import refuse_given


def tag_names(tags: Iterable[Mapping[str, Any]] | None) -> tuple[str, ...]:
    """The words. What else W&B knows of a tag is refused by name."""
    found = []
    for tag in tags or ():
        refuse_given(tag, "tagCategoryName", "categories of tags")
        refuse_given(tag, "attributes", "attributes of tags")
        found.append(tag["tagName"])
    return tuple(found)
