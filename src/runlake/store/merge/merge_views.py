"""The saved views of another store into this one: of two of one id the one that was put last is kept.

A view that was deleted in one of the stores is there again if the other has it.
"""

from __future__ import annotations

from runlake.errors import BadValueError, RunlakeError, StoreError
from runlake.store.layout import Layout
from runlake.store.plain_open import check_plain, read_plain
from runlake.store.views import ViewFile, check_size, decode_view, view_file, view_ids, write_view
from runlake.view_model import ViewPath

_MAX_FILE_BYTES = 100_000_000


def merge_views(
    layout: Layout, other: Layout, entity: str, project: str, failures: list[RunlakeError], *, is_dry_run: bool = False
) -> None:
    """Bring the views of a project over. What cannot be read goes to `failures`, and the others are brought."""
    check_plain(other.root, other.views_dir(entity, project))
    for view_id in view_ids(other, entity, project):
        path = ViewPath(entity, project, view_id)
        try:
            content = read_plain(other.root, view_file(other, path), _MAX_FILE_BYTES)
            theirs = decode_view(content, view_file(other, path))
            check_size(theirs)
            if not is_dry_run and _is_newer(layout, path, theirs):
                write_view(layout, path, content)
        except BadValueError as error:
            failures.append(StoreError(f"{view_file(other, path)}: {error}"))
        except StoreError as error:
            failures.append(error)


def _is_newer(layout: Layout, path: ViewPath, theirs: ViewFile) -> bool:
    """Whether theirs was put later than ours, or ours is not there or says nothing."""
    file = view_file(layout, path)
    try:
        ours = decode_view(file.read_bytes(), file)
    except (FileNotFoundError, NotADirectoryError, StoreError):
        return True
    return theirs.updated_at > ours.updated_at
