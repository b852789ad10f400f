"""Runs that Neptune's exporter wrote as Parquet: for each run ``<project>/<run>_part_<n>.parquet``, a row a value.

``attribute_path`` says what a row is of and ``attribute_type`` in which column its value stands. Files of a run lie in
a folder ``files`` beside that of the Parquet files.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq

from runlake.errors import BadValueError
from runlake.importers.foreign import ForeignRun, LeftOut
from runlake.importers.neptune_run import Export, foreign_run

NEEDED = frozenset({"project_id", "run_id", "attribute_path", "attribute_type", "step", "float_value", "string_value"})
_PART = re.compile(r"(?:(?P<run>.+)_)?part_(?P<number>\d+)\.parquet")
_REGISTRY = ("models", "model_versions")


def is_of(place: Path) -> bool:
    """Whether a file is such a part, or a folder has one in it: in it, in ``data``, or in a folder of a project."""
    return next(_parts(place), None) is not None


def read(place: Path) -> Iterator[ForeignRun | LeftOut]:
    """Each run, project by project. BadValueError for a place that has none."""
    folders: dict[Path, list[Path]] = defaultdict(list)
    for file in _parts(place):
        folders[file.parent].append(file)
    if not folders:
        raise BadValueError(f"{place} holds no Parquet files of Neptune's exporter")
    for folder, files in sorted(folders.items()):
        yield from _read_folder(folder, files)
        for unfinished in sorted(folder.glob("*_part_0.parquet.tmp")):
            yield LeftOut(str(unfinished), "run", f"{unfinished.name}: its export was not finished", is_damage=True)
        for name in _REGISTRY:
            count = sum(1 for _ in (folder / name).glob("*_part_0.parquet"))
            if count:
                yield LeftOut(str(folder / name), "entry", f"of the registry ({name}): no home here", count)


def _parts(place: Path) -> Iterator[Path]:
    if place.is_file():
        yield from [place] if _PART.fullmatch(place.name) and _is_part(place) else []
        return
    for pattern in ("*.parquet", "*/*.parquet", "data/*/*.parquet"):
        found = [file for file in sorted(place.glob(pattern)) if _PART.fullmatch(file.name)]
        # A folder is asked by one file: the others may be damaged, which is told when they are read.
        if any(_is_part(file) for file in found[:8]):
            yield from (file for file in found if file.parent.name not in _REGISTRY)
            return


def _is_part(file: Path) -> bool:
    try:
        return set(pq.read_schema(file).names) >= NEEDED
    except (pa.ArrowException, OSError):
        return False


def _read_folder(folder: Path, files: list[Path]) -> Iterator[ForeignRun | LeftOut]:
    """The runs of a project. A run has files of its own; in the first versions of the exporter, runs shared files."""
    groups: dict[str, list[tuple[int, Path]]] = defaultdict(list)
    for file in files:
        if match := _PART.fullmatch(file.name):
            groups[match["run"] or ""].append((int(match["number"]), file))
    for name, numbered in groups.items():
        parts = [file for _, file in sorted(numbered)]
        place = str(folder / (f"{name}_part_*.parquet" if name else "part_*.parquet"))
        if name and min(numbered)[0] != 0:
            yield LeftOut(
                place, "run", f"{name}: its first part is missing, so its export was not finished", is_damage=True
            )
            continue
        try:
            export = Export(place, _dataset(parts), _files_of(folder))
            runs = _runs(export.rows)
        except (BadValueError, pa.ArrowException, OSError) as error:
            yield LeftOut(place, "run", f"{name or 'of these files'}: {error}", is_damage=True)
            continue
        for project_id, run_id in runs:
            try:
                yield foreign_run(export, project_id, run_id)
            except (pa.ArrowException, OSError) as error:
                yield LeftOut(place, "run", f"{run_id}: {error}", is_damage=True)


def _dataset(parts: list[Path]) -> ds.Dataset:
    for file in parts:
        if missing := NEEDED - set(pq.read_schema(file).names):
            raise BadValueError(f"{file.name} has no column {', '.join(sorted(missing))}")
    return ds.dataset([str(file) for file in parts], format="parquet")


def _runs(rows: ds.Dataset) -> list[tuple[str, str]]:
    """The project and the id of each run in the files, in their order."""
    found: dict[tuple[str, str], None] = {}
    for batch in rows.scanner(columns=["project_id", "run_id"], use_threads=False).to_batches():
        pairs = (
            pa.table({"project": batch.column(0), "run": batch.column(1)}).group_by(["project", "run"]).aggregate([])
        )
        found |= dict.fromkeys((str(row["project"]), str(row["run"])) for row in pairs.to_pylist())
    return list(found)


def _files_of(folder: Path) -> Path:
    """Where the files of a project lie: its folder is called alike in ``files``, beside that of the Parquet files."""
    return folder.parent.parent / "files" / folder.name
