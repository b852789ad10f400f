"""Runs of MLflow: in its SQLite database, or in its file store."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from runlake.errors import BadValueError
from runlake.importers import mlflow_database, mlflow_folder
from runlake.importers.foreign import ForeignRun, LeftOut

_FORMS = (mlflow_database, mlflow_folder)


def is_of(place: Path) -> bool:
    """Whether a file is a database of MLflow, or a folder has one, or is a file store or has one."""
    return any(form.is_of(place) for form in _FORMS)


def read(place: Path) -> Iterator[ForeignRun | LeftOut]:
    """Each run: of a folder that has both forms, those in the database first. BadValueError for a place of neither."""
    forms = [form for form in _FORMS if form.is_of(place)]
    if not forms:
        raise BadValueError(f"{place} holds no database and no file store of MLflow")
    for form in forms:
        yield from form.read(place)
