"""What a mutation is given: an input object whose fields must be there when they are asked for by ``[]``.

The schema lets clients leave out nearly everything, as W&B's does; what a mutation cannot do without it asks for so.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from graphql import GraphQLInputObjectType, GraphQLSchema

from runlake.errors import BadValueError, NotSupportedError


class Given(dict[str, Any]):
    """``given["runName"]`` is never None: BadValueError names the field. ``given.get("runName")`` may be."""

    def __getitem__(self, name: str) -> Any:
        value = self.get(name)
        if value is None:
            raise BadValueError(f"the input has no {name}, and it is needed here; pass it")
        return value


def refuse_given(given: Mapping[str, Any], name: str, what: str) -> None:
    """`NotSupportedError` for a field that says something: `what` it is of."""
    if given.get(name) not in (None, "", "null", "{}", "[]"):
        raise NotSupportedError(f"{what} are not supported by runlake: {name}")


def define_inputs(schema: GraphQLSchema) -> None:
    """Make every input object of a schema a `Given`."""
    for kind in schema.type_map.values():
        if isinstance(kind, GraphQLInputObjectType):
            kind.out_type = Given  # type: ignore[method-assign, assignment]
