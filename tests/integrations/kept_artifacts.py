"""What a store says of the artifacts of its runs, as what can be compared: versions, entries, lineage, collections.

Where it is begins with ``logged.model-ID:v0.`` or ``used.…``, with ``ID`` for the id of the run. Files are compared by
their digests, pictures by what they show, objects of data types by what they say.
"""

import io
import json
from collections.abc import Iterator, Mapping
from typing import Any

from plain_values import OF_A_FILE, pixels, plain_leaf

OF_THE_CLIENT = {"run_table"}
"""The types of artifacts that the official client makes by itself of tables in rows."""

JOINED = ".joined-table.json"
OBJECTS = (".table.json", "-file.json", ".partitioned-table.json", ".classes.json")
OF_AN_OBJECT = {*OF_A_FILE, "digest", "column_types"}
"""What an object says of bytes, and the types of columns, which the client writes down and runlake sees by itself."""

MEDIA = "media/"
"""Where an artifact has the files that its objects name, by names that no reader sees."""


def artifacts_of(run: Any) -> dict[str, Any]:
    """Everything that is said of the versions which a run logged and used: where → what."""
    found: dict[str, Any] = {}
    for relation, artifacts in (("logged", artifacts_logged_by(run)), ("used", run.used_artifacts())):
        for artifact in artifacts:
            said = said_by_version(artifact, run)
            found |= {f"{relation}.{artifact.name}.{name}": value for name, value in said}
    return {name.replace(run.id, "ID"): without_id(value, run.id) for name, value in found.items()}


def artifacts_logged_by(run: Any) -> list[Any]:
    """The versions that a run logged."""
    return [artifact for artifact in run.logged_artifacts() if artifact.type not in OF_THE_CLIENT]


def said_by_version(artifact: Any, run: Any) -> Iterator[tuple[str, Any]]:
    """What one version says of itself, each fact with its name."""
    yield "type", artifact.type
    yield "state", artifact.state
    yield "aliases", sorted(artifact.aliases)
    yield "tags", sorted(artifact.tags)
    yield "description", artifact.description or None
    logged_by = artifact.logged_by()
    yield "logged_by", "nobody" if logged_by is None else "it" if logged_by.id == run.id else "another"
    yield from leaves("metadata", artifact.metadata)
    collection = artifact.collection
    yield "collection", (collection.type, collection.version_count, collection.is_sequence(), sorted(collection.tags))
    yield "links", sorted((link.qualified_name, sorted(link.aliases)) for link in artifact.linked_artifacts)
    entries = artifact.manifest.entries
    named = {name for path in entries if path.endswith(JOINED) for name in tables_of(entries[path])}
    for path, entry in entries.items():
        if not path.startswith(MEDIA) and path not in named:
            yield f"entries.{path}", held_by(entry, entries)


def leaves(where: str, value: Any) -> Iterator[tuple[str, Any]]:
    """Each value in nested dicts, with where it is."""
    if isinstance(value, dict) and value:
        for key, item in value.items():
            yield from leaves(f"{where}.{key}", item)
    else:
        yield where, shown(value, {})


def held_by(entry: Any, entries: Mapping[str, Any]) -> Any:
    """What an entry holds: the address of a reference, what a picture or an object says, else digest and size."""
    if entry.ref is not None:
        return entry.ref, entry.digest
    if entry.path.endswith(".png"):
        return pixels(io.BytesIO(entry.read()))
    if entry.path.endswith(JOINED):
        return [held_by(entries[name], entries) for name in tables_of(entry)]
    if entry.path.endswith(OBJECTS):
        return shown(json.loads(entry.read()), entries)
    return entry.digest, entry.size


def shown(value: Any, entries: Mapping[str, Any]) -> Any:
    """An object of a data type, with what the files show that it names."""
    if isinstance(value, dict):
        file = entries.get(value["path"]) if isinstance(value.get("path"), str) else None
        left_out = OF_AN_OBJECT if {"_type", "type"} & value.keys() else set()
        found = {key: shown(value[key], entries) for key in sorted(value.keys() - left_out)}
        return found if file is None else found | {"shows": held_by(file, entries)}
    if isinstance(value, list | tuple):
        return [shown(item, entries) for item in value]
    return plain_leaf(value)


def without_id(value: Any, run_id: str) -> Any:
    """A value, ``ID`` for the run's id wherever a text has it."""
    if isinstance(value, str):
        return value.replace(run_id, "ID")
    if isinstance(value, list | tuple):
        return [without_id(item, run_id) for item in value]
    if isinstance(value, dict):
        return {key: without_id(item, run_id) for key, item in value.items()}
    return value


def tables_of(entry: Any) -> list[str]:
    """The names of the two tables that a joined table is made of."""
    stored = json.loads(entry.read())
    return [stored["table1"], stored["table2"]]
