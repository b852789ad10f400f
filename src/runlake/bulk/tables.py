"""The tables of a whole project: its runs, and the versions of its artifacts."""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np
import pyarrow as pa

from runlake.bulk.manifest import FileEntry
from runlake.bulk.plan import ExportPlan
from runlake.bulk.rows import write_tables
from runlake.bulk.target import Target
from runlake.model import RunInfo
from runlake.query.rows.table import MAX_COLUMNS
from runlake.query.runs.table import runs_table
from runlake.values import encode_json, flatten


def write_project_tables(target: Target, plan: ExportPlan) -> tuple[FileEntry, ...]:
    """The tables of the whole project: its runs, and the versions of its artifacts."""
    entries = [_write_table(target, plan, "runs", _runs_table([run.info for run in plan.runs]))]
    if plan.artifacts:
        entries.append(_write_table(target, plan, "artifacts", _artifacts_table(plan)))
    return tuple(entries)


def _runs_table(infos: list[RunInfo]) -> pa.Table:
    """A row a run, a column a setting or result; of more than a wide table holds, both are one column of JSON each."""
    places = np.arange(len(infos))
    names: set[tuple[str, str]] = set()
    for info in infos:
        for root, tree in (("config", info.config), ("summary", info.summary)):
            names.update((root, path) for path in flatten(tree, stringify_keys=True))
    if len(names) <= MAX_COLUMNS:
        return runs_table(None, infos, places)
    table = runs_table(None, [msgspec.structs.replace(info, config={}, summary={}) for info in infos], places)
    for root in ("config", "summary"):
        texts = [str(encode_json(getattr(info, root))) for info in infos]
        table = table.append_column(pa.field(root, pa.string()), pa.array(texts, pa.string()))
    return table


def _write_table(target: Target, plan: ExportPlan, name: str, table: pa.Table) -> FileEntry:
    path = f"{name}.{plan.options.format}"
    with target.writing(path) as file:
        if plan.options.format == "jsonl":
            for row in table.to_pylist():
                present = {key: value for key, value in row.items() if value is not None}
                file.write(f"{encode_json(present)}\n".encode())
        else:
            write_tables(file, iter([table.combine_chunks()]), plan.options)
    return FileEntry(path=path, kind=name, size_bytes=file.size_bytes, sha256=file.sha256(), row_count=table.num_rows)


def _artifacts_table(plan: ExportPlan) -> pa.Table:
    rows: list[dict[str, Any]] = [
        {
            "name": info.name,
            "version": info.version,
            "artifact_id": info.artifact_id,
            "type": info.type,
            "state": info.state,
            "digest": info.digest,
            "size_bytes": info.size_bytes,
            "file_count": info.file_count,
            "description": info.description,
            "aliases": list(info.aliases),
            "tags": list(info.tags),
            "created_by": None if info.created_by is None else info.created_by.run_id,
            "created_at": info.created_at,
            "updated_at": info.updated_at,
            "metadata": str(encode_json(info.metadata)),
            "source": None if info.source is None else str(info.source),
        }
        for info in (planned.info for planned in plan.artifacts)
    ]
    kinds = {name: pa.string() for name in rows[0]} | {name: pa.list_(pa.string()) for name in ("aliases", "tags")}
    kinds |= {
        "size_bytes": pa.int64(),
        "file_count": pa.int64(),
        "created_at": pa.float64(),
        "updated_at": pa.float64(),
    }
    return pa.Table.from_pylist(rows, schema=pa.schema(list(kinds.items())))
