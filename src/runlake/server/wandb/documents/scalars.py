"""The scalars of this wire: see `schema.graphql` for what each of them holds."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from graphql import (
    BooleanValueNode,
    FloatValueNode,
    GraphQLError,
    GraphQLScalarType,
    GraphQLSchema,
    IntValueNode,
    ListValueNode,
    NullValueNode,
    ObjectValueNode,
    StringValueNode,
    ValueNode,
)

from runlake.values import I64_MAX, I64_MIN

Coercer = Callable[[Any], Any]


def define_scalars(schema: GraphQLSchema) -> None:
    """Give the scalars of the schema their meaning."""
    for name, coerce in {
        "JSONString": _text,
        "DateTime": _text,
        "Int64": _int64,
        "Duration": _int64,
        "JSON": _anything,
    }.items():
        _define(schema, name, coerce)


def _define(schema: GraphQLSchema, name: str, coerce: Coercer) -> None:
    scalar = schema.type_map[name]
    if not isinstance(scalar, GraphQLScalarType):
        raise TypeError(f"{name} of the schema is no scalar")

    def of_literal(node: ValueNode) -> Any:
        return coerce(plain_literal(node))

    scalar.coerce_output_value = coerce
    scalar.coerce_input_value = coerce
    scalar.coerce_input_literal = of_literal


def plain_literal(node: ValueNode) -> Any:
    """The value that stands in a document, as plain data."""
    if isinstance(node, NullValueNode):
        return None
    if isinstance(node, BooleanValueNode | StringValueNode):
        return node.value
    if isinstance(node, IntValueNode):
        return int(node.value) if len(node.value) < 100 else float(node.value)
    if isinstance(node, FloatValueNode):
        return float(node.value)
    if isinstance(node, ListValueNode):
        return [plain_literal(item) for item in node.values]
    if isinstance(node, ObjectValueNode):
        return {field.name.value: plain_literal(field.value) for field in node.fields}
    raise GraphQLError("a value is a number, text, true, false, null, a list or an object")


def _text(value: Any) -> Any:
    if not isinstance(value, str):
        raise GraphQLError(f"it must be text, not {type(value).__name__}")
    return value


def _int64(value: Any) -> Any:
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool) or not I64_MIN <= value <= I64_MAX:
        raise GraphQLError(f"it must be a whole number of up to 64 bits, not {str(value)[:40]}")
    return value


def _anything(value: Any) -> Any:
    return value
