"""Stores of very many finished runs, made in a minute: for benchmarks and tests of listings.

One run is logged and sealed as ever; the others are its sealed records with an id, a config and last values of their
own. They have no files of rows, whatever they say: listings, filters and frames never look at those.
"""

from __future__ import annotations

import random
import tempfile
from pathlib import Path

import msgspec

from runlake.model import RunPath
from runlake.store.changes import PACK_AT, changes_of
from runlake.store.compact.seal import seal_run
from runlake.store.folder_store import FolderStore
from runlake.store.journal import record
from runlake.store.journal.fold import WriterState
from runlake.store.noting import append_change
from runlake.store.opening.open import open_run
from runlake.store.segment import schema
from runlake.store.segment.folder import segments_of
from runlake.store.segment.meta import Meta, read_meta, write_meta
from runlake.store.store_format import create_store

KEY_COUNT = 30
CONFIG_KEYS = tuple(f"c{number}" for number in range(KEY_COUNT))
SUMMARY_KEYS = tuple(f"s{number}" for number in range(KEY_COUNT))
STARTED_AT_S = 1_700_000_000.0


def fill_project(root: Path, entity: str, project: str, run_count: int, *, first: int = 0) -> None:
    """Add `run_count` finished runs, each with 30 numbers in its config and 30 in its summary.

    Their ids are ``r0000000`` and so on from `first`, their values follow from their numbers.
    """
    layout = FolderStore(root)
    create_store(layout)
    template = template_meta()
    for number in range(first, first + run_count):
        path = RunPath(entity, project, f"r{number:07}")
        meta = meta_of(template, path, number)
        for folder in (layout.segments_dir(path), layout.journal_dir(path), layout.files_dir(path)):
            folder.mkdir(parents=True)
        write_meta(segments_of(layout, path), meta)
        append_change(layout, path, meta.incarnation, "init", meta.incarnation)
        append_change(layout, path, meta.incarnation, "finish", meta.incarnation)
        if number % PACK_AT == PACK_AT - 1:
            changes_of(layout, entity, project).pack()


def template_meta() -> Meta:
    """The sealed records of a run of ten rows."""
    with tempfile.TemporaryDirectory() as folder:
        layout, path = FolderStore(Path(folder)), RunPath("ann", "template", "run")
        opened = open_run(layout, path, {"name": "run", "set": dict.fromkeys(CONFIG_KEYS, 0.0)})
        for step in range(10):
            opened.writer.log(dict.fromkeys(SUMMARY_KEYS, 0.5), step=step, timestamp=STARTED_AT_S, runtime=float(step))
        opened.writer.end({"exit_code": 0})
        seal_run(layout, path)
        segments = segments_of(layout, path)
        (name,) = segments.list_names()
        return read_meta(segments, name)


def meta_of(template: Meta, path: RunPath, number: int) -> Meta:
    """The sealed records of one run."""
    values = random.Random(number)
    created_at = STARTED_AT_S + number
    writer = f"{int(created_at * 1000):011x}{number:08x}"
    (state,) = template.writers
    life = {"writer": writer, "incarnation": writer, "generation": writer, "created_at": created_at}
    header = state.header.with_fields(**life, **path._asdict())
    config = {"seed": number, **{key: values.random() for key in CONFIG_KEYS[1:]}}
    records = [
        (kind, body | {"name": f"run-{number}", "set": config} if kind == record.START else body)
        for kind, body in state.records
    ]
    history = state.streams["history"]
    last = {key: (9, int((created_at + 9) * 1e6), values.random()) for key in SUMMARY_KEYS}
    streams = {**state.streams, "history": msgspec.structs.replace(history, last=last)}
    covers = [(writer, 0)]
    return msgspec.structs.replace(
        template,
        name=schema.segment_name(covers, []),
        incarnation=writer,
        generation=writer,
        covers=covers,
        files={},
        stretches=[],
        writers=[WriterState(writer, header, records, streams)],
    )
