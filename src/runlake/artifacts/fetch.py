"""From a version in a store to files in a folder: several at a time, each whole or not at all, and as it was logged.

What is there already is not fetched again. On a folder store the bytes are shared with it, or copied by the kernel;
over HTTP they come through the cache.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import BinaryIO, Protocol

from runlake.artifacts.cache import ContentCache, holds_content, is_same_content
from runlake.artifacts.copying import copy_content, path_on_this_machine
from runlake.artifacts.entry import Entry, FetchOptions
from runlake.artifacts.names import names_that_meet
from runlake.artifacts.progress import Tell, progress_bar
from runlake.artifacts.references import fetch_reference
from runlake.artifacts.side_by_side import side_by_side, threads_for
from runlake.artifacts.small_files import SMALL_BYTES, ContentsBeside, Drafts
from runlake.errors import BadValueError, CorruptError, UnsafeNameError
from runlake.local_names import PlacesBelow

_PIECE_BYTES = 1 << 20


class Source(Protocol):
    """Where bytes of files are opened."""

    def open(self, entry: Entry) -> BinaryIO: ...


def fetch(
    source: Source,
    entries: Sequence[Entry],
    root: Path,
    options: FetchOptions,
    *,
    title: str,
    cache: ContentCache | None,
    is_shown: bool,
    thread_count: int | None = None,
) -> None:
    """Bring entries of the artifact called `title` below `root`. Names that cannot be are refused before all else."""
    below = PlacesBelow(root)
    places = [_place_of(entry, below, title) for entry in entries]
    root.mkdir(parents=True, exist_ok=True)
    _refuse_names_that_meet(entries, root, title)
    total_bytes = sum(entry.size for entry in entries)
    with progress_bar(f"{title}: fetching", total_bytes, is_shown=is_shown) as tell:
        fetcher = Fetcher(source, options, title=title, cache=cache, tell=tell, was_empty=below.was_empty)
        wanted = zip(entries, places, strict=True)
        side_by_side(
            lambda one: fetcher.bring(*one), wanted, count=thread_count or threads_for(total_bytes, len(places))
        )
    if cache is not None:
        cache.trim()


class Fetcher:
    """Brings one file after the other, in any thread."""

    def __init__(
        self,
        source: Source,
        options: FetchOptions,
        *,
        title: str,
        cache: ContentCache | None,
        tell: Tell,
        was_empty: Callable[[str], bool],
    ) -> None:
        self._source, self._options, self._title = source, options, title
        self._cache, self._tell = cache, tell
        self._was_empty = was_empty
        self._folders: dict[str, bool] = {}
        self._beside, self._drafts = ContentsBeside(), Drafts()

    def bring(self, entry: Entry, place: str) -> None:
        """Let a file be what the entry says. `CorruptError` where the store has other bytes than were logged."""
        folder = os.path.dirname(place)  # noqa: PTH120
        was_empty = self._folders.get(folder)
        if was_empty is None:
            Path(folder).mkdir(parents=True, exist_ok=True)
            was_empty = self._folders[folder] = self._was_empty(folder)
        if entry.ref is not None:
            fetch_reference(entry, Path(place), is_missing_allowed=self._options.allow_missing_references)
        elif (not was_empty and is_same_content(Path(place), entry)) or self._bring_beside(entry, place):
            self._tell(entry.size)
        elif self._cache is not None and self._bring_cached(self._cache, entry, Path(place)):
            pass
        elif not (self._options.hard_links and self._bring_linked(entry, Path(place))):
            self._bring_copied(entry, Path(place), partial(self._source.open, entry))
            self._tell(entry.size)

    def _bring_beside(self, entry: Entry, place: str) -> bool:
        """Whether it was a small file of a folder store, and is there."""
        if entry.size > SMALL_BYTES or self._options.hard_links:
            return False
        whole = self._beside.read(entry)
        if whole is None or not holds_content(whole, entry):
            return False  # who asks the store for it says what is the matter
        self._drafts.write(whole, place)
        return True

    def _bring_cached(self, cache: ContentCache, entry: Entry, target: Path) -> bool:
        for _ in range(2):
            try:
                cached = cache.fetch(entry, partial(self._source.open, entry), self._tell)
            except CorruptError as error:
                raise self._altered(entry, str(error)) from None
            if cached is None:
                return False
            try:
                self._bring_copied(entry, target, partial(cached.open, "rb"))
                return True
            except (CorruptError, FileNotFoundError):
                cache.drop(cached)  # altered in the cache, or removed from it: it is fetched once more
        return False

    def _bring_linked(self, entry: Entry, target: Path) -> bool:
        with self._source.open(entry) as content:
            kept = path_on_this_machine(content)
        if kept is None:
            return False
        if not is_same_content(kept, entry):
            raise self._altered(entry, f"{kept} has another content")
        draft = self._draft_of(target)
        try:
            kept.chmod(0o444)  # who writes into the link would write into the store
            os.link(kept, draft)
        except OSError:  # another disk, or one without links
            return False
        draft.replace(target)
        self._tell(entry.size)
        return True

    def _bring_copied(self, entry: Entry, target: Path, open_content: partial[BinaryIO]) -> None:
        if entry.size <= SMALL_BYTES:
            with open_content() as content:
                whole = content.read(SMALL_BYTES + 1)
                if self._cache is None:
                    self._beside.learn(content, entry)
            if not holds_content(whole, entry):
                raise self._altered(entry, f"{len(whole):,} bytes came, with another digest")
            self._drafts.write(whole, str(target))
            return
        draft = self._draft_of(target)
        try:
            with open_content() as content, draft.open("xb") as copy:
                if path_on_this_machine(content) is not None:
                    copy_content(content, copy)
                else:
                    while piece := content.read(_PIECE_BYTES):
                        copy.write(piece)
            if not is_same_content(draft, entry):
                raise self._altered(entry, f"{draft.stat().st_size:,} bytes came, with another digest")
            draft.replace(target)
        finally:
            draft.unlink(missing_ok=True)

    def _draft_of(self, target: Path) -> Path:
        return Path(self._drafts.beside(str(target)))

    def _altered(self, entry: Entry, found: str) -> CorruptError:
        return CorruptError(
            f"the file {entry.path!r} of artifact {self._title} is not what was logged ({entry.size:,} bytes, MD5 "
            f"{entry.digest}): {found}. It was altered or damaged where it is kept: restore it from a backup, log it "
            "again, and see: runlake check"
        )


def _place_of(entry: Entry, below: PlacesBelow, title: str) -> str:
    try:
        return below.place_text(entry.path)
    except UnsafeNameError as error:
        why = str(error).partition("; read it")[0]
        raise UnsafeNameError(
            f"artifact {title}: {why}; leave it out with path_prefix=, or read it without writing it: "
            f"artifact.get_entry({entry.path!r}).read()"
        ) from None


def _refuse_names_that_meet(entries: Sequence[Entry], root: Path, title: str) -> None:
    """On a disk that does not tell case: nothing is written where two files would be one."""
    met = names_that_meet(entry.path for entry in entries)
    if met is not None and not _tells_case(root):
        raise BadValueError(
            f"artifact {title} has {met[0]!r} and {met[1]!r}, which are one in {str(root)!r}: that disk does not tell "
            "small letters from capitals. Choose another root, or fetch one of them with path_prefix="
        )


def _tells_case(folder: Path) -> bool:
    probe = folder / f".runlake-case-{os.urandom(4).hex()}"
    probe.touch()
    try:
        return not probe.with_name(probe.name.upper()).exists()
    finally:
        probe.unlink(missing_ok=True)
