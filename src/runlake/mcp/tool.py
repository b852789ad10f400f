"""A tool: a name, what it is for, what it is asked with, and a function over the verbs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
from msgspec import Meta, Struct

from runlake.errors import BadValueError, ForbiddenError
from runlake.mcp.answers import MAX_ANSWER_BYTES, Answer, Room
from runlake.ready import ready

if TYPE_CHECKING:
    import pyarrow as pa

    from runlake.service.contract import Service

Offset = Annotated[int, Meta(ge=0, description="How many to pass over: an answer says where to go on.")]
ProjectPath = Annotated[str, Meta(description="entity/project, or the project of the default entity.")]
RunPathText = Annotated[str, Meta(description="entity/project/run_id, or project/run_id of the default entity.")]
Search = Annotated[str | None, Meta(description="Only names that have this text in them; capitals do not matter.")]


class Asked(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The arguments of a tool."""


AnswerSql = Callable[["Service", str], "pa.Table"]
"""Computes the answer of a query over the verbs of a service."""


class Caller(Struct, frozen=True, kw_only=True):
    """Who calls: the verbs as they may use them, whether they may edit here, and how long an answer may be.

    `answer_sql` is who computes queries; without one it is done in this process.
    """

    service: Service
    answer_sql: AnswerSql | None = None
    may_edit: bool = False
    max_bytes: int = MAX_ANSWER_BYTES

    def room(self) -> Room:
        """An answer's room."""
        return Room(self.max_bytes)


class Tool(Struct, frozen=True, kw_only=True):
    """`work` is called with a value of `asks` and the caller; the docstring of `asks` is what models read."""

    name: str
    asks: type[Asked]
    work: Callable[[Any, Caller], Answer]
    is_edit: bool = False

    @property
    def description(self) -> str:
        """What it is for."""
        return " ".join((self.asks.__doc__ or "").split())

    def schema(self) -> dict[str, Any]:
        """JSON Schema of the arguments."""
        whole = msgspec.json.schema(self.asks)
        own: dict[str, Any] = dict(whole["$defs"][self.asks.__name__])
        own.pop("title", None), own.pop("description", None)
        return own

    def call(self, arguments: Mapping[str, Any], caller: Caller) -> Answer:
        """The answer; `BadValueError` for arguments that cannot be, `ForbiddenError` where nothing is edited."""
        if self.is_edit and not caller.may_edit:
            raise ForbiddenError(
                f"{self.name} changes runs, and here they are only read; a person can allow it: runlake mcp "
                "--allow-edits, or ?allow_edits=true in the address of a server"
            )
        try:
            asked = msgspec.convert(dict(arguments), ready(self.asks))
        except msgspec.ValidationError as error:
            names = ", ".join(self.asks.__struct_fields__)
            raise BadValueError(f"{self.name}: {error}; its arguments are: {names}") from None
        return self.work(asked, caller)
