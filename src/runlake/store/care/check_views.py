"""What is wrong with the saved views of a project: files that say nothing, and what is no view."""

from __future__ import annotations

from collections.abc import Iterator

from runlake.errors import CorruptError
from runlake.store.care.damage import FROM_BACKUP, Damage
from runlake.store.care.strangers import stranger, visible_entries
from runlake.store.disk import read_whole
from runlake.store.layout import Layout
from runlake.store.views import decode_view, is_file_of_view


def check_views(layout: Layout, entity: str, project: str) -> Iterator[Damage]:
    """Kinds: foreign, corrupt."""
    for file in visible_entries(layout.views_dir(entity, project)):
        if not is_file_of_view(file.name) or not file.is_file():
            yield stranger(file)
            continue
        try:
            decode_view(read_whole(file), file)
        except FileNotFoundError:
            continue  # deleted at this moment
        except CorruptError:
            yield Damage("corrupt", file, "the view, until it is back or put again", FROM_BACKUP)
