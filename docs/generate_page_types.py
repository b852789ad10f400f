"""Write ``web/src/wire/api.ts`` from the OpenAPI document, what the server is asked and answers as types of TypeScript:
``python docs/generate_page_types.py``.

Every field is there in an answer; of a question those are optional that have a default.
"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from litestar import Litestar
from litestar.di import Provide

from runlake.server.openapi import openapi_config
from runlake.server.page.session import session_router
from runlake.server.routes.api import api_router
from runlake.server.routes.people import people_router

FILE = Path(__file__).parent.parent / "web" / "src" / "wire" / "api.ts"
HEAD = """/**
 * What the server is asked and what it answers, made from its OpenAPI document by `make docs`. Times are seconds since
 * 1970.
 */

import type { Json } from "./json";
"""
ANSWERS = (
    *("SessionInfo", "ProjectInfo", "RunColumnList", "RunColumnsPage", "BulkAnswer", "ViewInfo", "ProjectNews"),
    *(
        "ProjectKeys",
        "Keys",
        "RunInfo",
        "GenerationInfo",
        "PastEdit",
        "FileInfo",
        "ConsolePage",
        "ValuesPage",
        "SweepInfo",
    ),
    *("CollectionInfo", "ArtifactInfo", "PersonInfo", "KeyInfo", "NewKey", "TeamInfo", "Share"),
)
QUESTIONS = ("RunColumnsQuery", "RunEdit", "ViewPut", "TilesQuery", "SweepEdit", "ArtifactEdit")
_WORDS = {"string": "string", "integer": "number", "number": "number", "boolean": "boolean", "null": "null"}
_REFERENCE = "#/components/schemas/"

Schema = Mapping[str, Any]


def schemas() -> dict[str, Schema]:
    """The types of the OpenAPI document of a server, by name."""
    app = Litestar(
        route_handlers=[
            people_router(lambda _: None),  # type: ignore[arg-type, return-value]
            session_router(None),  # type: ignore[arg-type]
            api_router(ending=threading.Event()),
        ],
        dependencies={"service": Provide(object, sync_to_thread=False)},
        openapi_config=openapi_config(),
    )
    document: dict[str, Schema] = json.loads(json.dumps(app.openapi_schema.to_schema()))["components"]["schemas"]
    return document


def page_types(known: Mapping[str, Schema]) -> str:
    """The whole file, of the types of the document."""
    answers, questions = _closure(ANSWERS, known), _closure(QUESTIONS, known)
    types = [_type(name, known[name], has_all=name in answers) for name in sorted({*answers, *questions})]
    return "\n".join([HEAD, *types])


def _closure(names: Iterable[str], known: Mapping[str, Schema]) -> set[str]:
    """These types and all that they are made of."""
    found: set[str] = set()
    waiting = list(names)
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting += _references(known[name])
    return found


def _references(part: Any) -> Iterator[str]:
    if isinstance(part, dict):
        if isinstance(part.get("$ref"), str):
            yield part["$ref"].removeprefix(_REFERENCE)
        for value in part.values():
            yield from _references(value)
    elif isinstance(part, list):
        for value in part:
            yield from _references(value)


def _type(name: str, schema: Schema, *, has_all: bool) -> str:
    needed = set(schema.get("required") or ())
    lines = [
        f"  readonly {key}{'' if has_all or key in needed else '?'}: {_written(value)};"
        for key, value in schema["properties"].items()
    ]
    return f"export type {name} = {{\n" + "\n".join(lines) + "\n};\n"


def _written(schema: Schema) -> str:
    """A schema as a type."""
    if "$ref" in schema:
        return str(schema["$ref"]).removeprefix(_REFERENCE)
    if "enum" in schema:
        return " | ".join(json.dumps(value) for value in schema["enum"])
    for union in ("oneOf", "anyOf"):
        if union in schema:
            return " | ".join(dict.fromkeys(_written(one) for one in schema[union]))
    kind = schema.get("type")
    if isinstance(kind, list):
        return " | ".join(_WORDS[one] for one in kind)
    if kind == "array":
        if "prefixItems" in schema:
            return f"readonly [{', '.join(_written(one) for one in schema['prefixItems'])}]"
        item = _written(schema.get("items") or {})
        return f"readonly {item}[]" if re.fullmatch(r"\w+", item) else f"readonly ({item})[]"
    if kind == "object":
        return f"Readonly<Record<string, {_written(schema.get('additionalProperties') or {})}>>"
    return _WORDS.get(str(kind), "Json")


def main() -> None:
    """Write the file."""
    FILE.write_text(page_types(schemas()), "utf-8")


if __name__ == "__main__":
    main()
