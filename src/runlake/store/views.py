"""Saved views in a project's folder: a file of JSON each, replaced as a whole."""

from __future__ import annotations

import contextlib
import re
from pathlib import Path

import msgspec

from runlake.errors import BadValueError, CorruptError, NotFoundError, PathError, ReadOnlyError
from runlake.model import RunPath
from runlake.near import near_names
from runlake.ready import ready
from runlake.store.disk import READ_ONLY_ERRNOS
from runlake.store.layout import Layout, check_run_path
from runlake.view_model import ViewInfo, ViewPath, ViewPut

MAX_SPEC_CHARACTERS = 10_000_000
MAX_WORD_CHARACTERS = 1_000
MAX_DESCRIPTION_CHARACTERS = 100_000

_ID = re.compile(r"[0-9a-z]{4,64}")
_SUFFIX = ".json"


class ViewFile(ViewPut, frozen=True, kw_only=True):
    """What stands in the file of a view."""

    created_at: float
    updated_at: float


def check_view_path(path: ViewPath) -> ViewPath:
    """The path itself; `PathError` when a part of it cannot be a name."""
    check_run_path(RunPath(path.entity, path.project, "any"))
    if not isinstance(path.view_id, str) or not _ID.fullmatch(path.view_id):
        raise PathError(f"{path.view_id!r:.80} is no id of a view: 4 to 64 of the digits and lower-case letters")
    return path


def view_ids(layout: Layout, entity: str, project: str) -> list[str]:
    """The ids of a project's views, sorted. What is called otherwise is none."""
    names = layout.tree.list_names(layout.views_dir(entity, project))
    return sorted(name.removesuffix(_SUFFIX) for name in names if is_file_of_view(name))


def read_view(layout: Layout, path: ViewPath) -> ViewInfo:
    """One view. `NotFoundError` names those that are near; `CorruptError` for a file that says nothing."""
    file = view_file(layout, path)
    try:
        kept = decode_view(layout.tree.read(file), file)
    except (FileNotFoundError, NotADirectoryError):
        near = near_names(path.view_id, view_ids(layout, path.entity, path.project))
        advice = f"did you mean {' or '.join(near)}?" if near else "the list of its views says which are"
        raise NotFoundError(f"no view {path.view_id!r} in {path.entity}/{path.project}; {advice}") from None
    return ViewInfo(**path._asdict(), **msgspec.structs.asdict(kept))


def put_view(layout: Layout, path: ViewPath, put: ViewPut, now_s: float) -> None:
    """Write a view in place of what is there, of which the first user and time stay."""
    check_size(put)
    try:
        known = read_view(layout, path)
    except (NotFoundError, CorruptError):
        known = None
    words = msgspec.structs.asdict(put)
    if known is None:
        kept = ViewFile(**words, created_at=now_s, updated_at=now_s)
    else:
        kept = ViewFile(**{**words, "user": known.user}, created_at=known.created_at, updated_at=now_s)
    write_view(layout, path, msgspec.json.encode(kept))


def write_view(layout: Layout, path: ViewPath, content: bytes) -> None:
    """Write the file of a view. `ReadOnlyError` where the store cannot be written."""
    file = view_file(layout, path)
    try:
        layout.make_project_dir(path.entity, path.project)
        layout.tree.make_subfolder(file.parent)
        layout.tree.replace(file, content)
    except OSError as error:
        if error.errno not in READ_ONLY_ERRNOS:
            raise
        raise ReadOnlyError(f"{file} cannot be written: {error}") from error


def delete_view(layout: Layout, path: ViewPath) -> None:
    """Remove a view, also one that cannot be read. `NotFoundError` when it is not there."""
    file = view_file(layout, path)
    with contextlib.suppress(CorruptError):
        read_view(layout, path)
    try:
        layout.tree.remove(file)
    except OSError as error:
        if error.errno not in READ_ONLY_ERRNOS:
            raise
        raise ReadOnlyError(f"{file} cannot be removed: {error}") from error


def decode_view(content: bytes, file: Path) -> ViewFile:
    """What the file of a view says; `CorruptError` when it says nothing."""
    try:
        return msgspec.json.decode(content, type=ready(ViewFile))
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
        raise CorruptError(f"{file} is no view: {error}; restore it from a backup, or put the view again") from None


def view_file(layout: Layout, path: ViewPath) -> Path:
    """Where a view is."""
    return layout.views_dir(path.entity, path.project) / f"{path.view_id}{_SUFFIX}"


def is_file_of_view(name: str) -> bool:
    """Whether a file in the folder of views is one by its name."""
    return name.endswith(_SUFFIX) and _ID.fullmatch(name.removesuffix(_SUFFIX)) is not None


def check_size(put: ViewPut) -> None:
    """`BadValueError` for more text than a view may hold, or for what is no text."""
    sizes = (
        ("type", put.type, MAX_WORD_CHARACTERS),
        ("name", put.name, MAX_WORD_CHARACTERS),
        ("display name", put.display_name, MAX_WORD_CHARACTERS),
        ("description", put.description, MAX_DESCRIPTION_CHARACTERS),
        ("spec", put.spec, MAX_SPEC_CHARACTERS),
    )
    for word, text, limit in sizes:
        if text is None:
            continue
        if len(text) > limit:
            raise BadValueError(f"the {word} of a view has {len(text):,} characters, and {limit:,} are allowed")
        try:
            text.encode()
        except UnicodeEncodeError:
            raise BadValueError(f"the {word} of a view is not valid Unicode text") from None
