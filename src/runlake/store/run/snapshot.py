"""One consistent look at what a run consists of, while sealers publish and drop beside it.

A sealer publishes a segment's meta file and only then drops the parts and segments it replaces. So whoever has seen
the same set of meta files before and after reading has missed nothing and seen nothing twice; anything else,
a part that vanished under the reader's hands included, means: look again.

It is also the border of one run: whatever goes wrong inside, reading it, comes out as an error of that run
(`reading`), so that who reads many can go on with the next.
"""

from __future__ import annotations

import errno
import os
import time
from collections import deque
from collections.abc import Callable, Collection, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import TypeVar

from msgspec import Struct

from runlake.errors import CorruptError, NotFoundError, RunlakeError, StoreError
from runlake.model import RunPath, Stream
from runlake.store.journal.header import PartHeader
from runlake.store.journal.journal import Journal, PartName
from runlake.store.journal.scan import ScannedPart, prove_head, scan_part
from runlake.store.run.overlap import without_repeats
from runlake.store.segment.meta import Meta, read_meta
from runlake.store.segment.segments import SegmentFile, Segments
from runlake.store.store import Store

_ATTEMPTS = 50
_LONGEST_WAIT_S = 0.05
_ATTEMPTS_FOR_MISSING = 14
"""Half a second: longer than a listing of names may be late."""
_LATELY_S = 60.0
_MAX_SCANNERS = 8
_FEW_PARTS, _SMALL_BYTES = 8, 2**19
"""Up to so many parts that together are smaller are read by the thread that asks: of four with 600 KB that took 3 ms,
and 5 with others on two cores. More of them may each wait for a network."""

_NOT_AS_LAID_OUT = frozenset({errno.EISDIR, errno.ENOTDIR, errno.ELOOP, errno.ENAMETOOLONG, errno.EINVAL})
"""What the system says of names and files that nobody who writes a store makes; a number that is missing is Arrow's."""

T = TypeVar("T")


@contextmanager
def reading(what: RunPath | str) -> Iterator[None]:
    """Whatever nobody foresaw, while a run is read, is an error that names it: its bytes are what is unforeseen.

    Bytes that are as their checksums say may still mean nothing: who wrote them was broken, or meant harm. A file that
    vanished, and what the system says of the disk itself, passes as it is; so does what is an error of ours already.
    """
    name = f"run {what}" if isinstance(what, RunPath) else what
    try:
        yield
    except (RunlakeError, TimeoutError, FileNotFoundError):
        raise
    except MemoryError as error:
        raise StoreError(f"{name} takes more memory to read than there is ({error or 'no more'})") from error
    except Exception as error:
        if isinstance(error, OSError) and error.errno is not None and error.errno not in _NOT_AS_LAID_OUT:
            raise
        raise CorruptError(
            f"{name} cannot be read, what it holds means nothing ({_in_short(error)}); `runlake check` says where, "
            "`runlake repair` saves what can be saved, `runlake rm` moves it to the trash"
        ) from error


def _in_short(error: Exception) -> str:
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text[:200]}" if text else type(error).__name__


class Snapshot(Struct, frozen=True):
    """The segments a reader must read, and the parts that no segment covers, in order, with their sizes as listed.

    `numbers` are those of all parts that are known of, by writer: here, or covered. `left_out` names the segments whose
    content others hold; `has_repeats` says that the files of `metas` still hold rows twice (`store.run.overlap`).
    """

    path: RunPath
    segments: Segments
    journal: Journal
    metas: list[Meta]
    parts: dict[PartName, int]
    numbers: dict[str, set[int]]
    left_out: frozenset[str] = frozenset()
    has_repeats: bool = False

    def values_of(self, meta: Meta, stream: Stream) -> SegmentFile:
        """The file with the values of a stream that a segment has."""
        return SegmentFile(self.segments, meta.files[stream])

    def scan(self, name: PartName) -> ScannedPart:
        """One part, read and verified.

        One that is followed by another was closed, or the next says how much of it counts: less than that is damage.
        """
        data = self.journal.read(name)
        part = prove_head(scan_part(data, f"{self.path}: {name}"), f"{self.path}: {name}")
        if (part.end == "closed" and part.is_complete) or self._is_newest(name):
            return part
        left_bytes = self._left_bytes(name)
        if left_bytes is not None and left_bytes <= part.valid_bytes:
            return part if left_bytes == part.valid_bytes else scan_part(data[:left_bytes], f"{self.path}: {name}")
        raise CorruptError(
            f"{self.path}: {name}: cut short at byte {part.valid_bytes}, although it was closed; what stood behind is "
            "lost; restore the file from a backup, or run `runlake check`"
        )

    def scan_each(self, names: Collection[PartName], then: Callable[[ScannedPart], T]) -> Iterator[T]:
        """What `then` makes of each of these parts, in order. Several are read at once where that is sooner."""
        is_little = len(names) <= _FEW_PARTS and sum(self.parts[name] for name in names) < _SMALL_BYTES
        worker_count = 1 if is_little else min(len(names), os.cpu_count() or 1, _MAX_SCANNERS)
        if worker_count < 2:
            yield from (then(self.scan(name)) for name in names)
            return
        with ThreadPoolExecutor(worker_count, thread_name_prefix="runlake-scan") as pool:
            coming: deque[Future[T]] = deque()
            try:
                for name in names:
                    coming.append(pool.submit(lambda name: then(self.scan(name)), name))
                    if len(coming) > worker_count:  # no more in memory than are being worked on
                        yield coming.popleft().result()
                while coming:
                    yield coming.popleft().result()
            finally:
                for left in coming:
                    left.cancel()

    def is_left(self, name: PartName) -> bool:
        """Whether the writer went on in another part without closing this one: its disk did not let it."""
        left_bytes = self._left_bytes(name)
        return left_bytes is not None and left_bytes <= self.scan(name).valid_bytes

    def check_parts(self) -> None:
        """CorruptError when parts are missing: numbers have no holes, and segments say what they cover."""
        for writer, numbers in self.numbers.items():
            missing_count = max(numbers) + 1 - len(numbers)
            if missing_count:
                name = PartName(writer, next(missing_ranges(numbers)).start)
                raise CorruptError(
                    f"{self.path}: {name}: this part is missing, and in no segment"
                    f"{f', and so are {missing_count - 1} more' if missing_count > 1 else ''}; restore the file from a "
                    "backup, or run `runlake check`"
                )

    def _is_newest(self, name: PartName) -> bool:
        """Whether the writer has begun no part behind this one: one without a whole header, in which a process that was
        killed there has written nothing yet, is not begun."""
        following, newest = PartName(name.writer, name.number + 1), max(self.numbers[name.writer])
        if following.number != newest:
            return name.number == newest
        if following in self.parts:
            return self._header_of(following) is None
        return not any(following == PartName(*part) for meta in self.metas for part in meta.covers)

    def _left_bytes(self, name: PartName) -> int | None:
        """How much of a part counts, as the next part says it; None where there is none here that does."""
        following = PartName(name.writer, name.number + 1)
        if following not in self.parts:
            return None
        header = self._header_of(following)
        return None if header is None else header.previous_bytes

    def _header_of(self, name: PartName) -> PartHeader | None:
        return scan_part(self.journal.read(name), f"{self.path}: {name}").header


def read_consistently(store: Store, path: RunPath, reader: Callable[[Snapshot], T]) -> T:
    """What `reader` makes of the run; it is called again when the run was sealed meanwhile.

    NotFoundError when there is no such run, CorruptError when a part of it is missing or it cannot be read for whatever
    other reason.
    """
    for attempt in range(_ATTEMPTS):
        # A network file system may go on naming what is gone, or not name yet what is there, for a while.
        if attempt > 2:
            time.sleep(min(0.001 * 2**attempt, _LONGEST_WAIT_S))
        try:
            with reading(path):
                snapshot = take_snapshot(store, path)
        except FileNotFoundError:
            continue
        try:
            snapshot.check_parts()
        except CorruptError:
            # Or its segment is not named yet: whoever dropped the part has published that before.
            if is_current(snapshot) and (attempt >= _ATTEMPTS_FOR_MISSING or not _has_moved_lately(snapshot)):
                raise
            continue
        try:
            with reading(path):
                result = reader(snapshot)
        except FileNotFoundError:
            continue
        except CorruptError:
            if is_current(snapshot):
                raise
            continue
        if is_current(snapshot):
            return result
    raise StoreError(f"run {path} changes too fast to be read: {_ATTEMPTS} attempts; is a sealer running wild?")


def _has_moved_lately(snapshot: Snapshot) -> bool:
    """Whether files came into the run or left it within the last minute."""
    moved_at = max(snapshot.journal.moved_at() or 0.0, snapshot.segments.changed_at() or 0.0)
    return time.time() - moved_at < _LATELY_S


def is_current(snapshot: Snapshot) -> bool:
    """Whether nothing was sealed since the snapshot was taken."""
    return snapshot.segments.list_names() - snapshot.left_out == {m.name for m in snapshot.metas}


def take_snapshot(store: Store, path: RunPath) -> Snapshot:
    """What is there right now; may be out of date at once: see `read_consistently`.

    NotFoundError when there is no such run, FileNotFoundError when it was sealed under our hands: look again.
    """
    segments = store.segments(path)
    found = [read_meta(segments, name) for name in sorted(segments.list_names())]
    replaced = _superseded(found)
    visible = [meta for meta in found if meta.name not in replaced]
    metas = without_repeats(visible)
    journal = store.journal(path)
    parts, numbers = number_parts(journal, found)
    if not metas and not parts:
        if segments.list_names():
            raise FileNotFoundError(f"{path} was sealed between the look at its segments and that at its journal")
        raise NotFoundError(_not_found(store, path))
    left_out = frozenset(replaced | {meta.name for meta in visible} - {meta.name for meta in metas})
    has_repeats = not {id(meta) for meta in metas} <= {id(meta) for meta in visible}
    return Snapshot(path, segments, journal, metas, parts, numbers, left_out, has_repeats)


def number_parts(journal: Journal, metas: list[Meta]) -> tuple[dict[PartName, int], dict[str, set[int]]]:
    """The parts that no segment covers, with their sizes, and the numbers of all that are known of, by writer."""
    covered = {PartName(*part) for meta in metas for part in meta.covers}
    listed = journal.list_parts()
    numbers: dict[str, set[int]] = {}
    for name in [*covered, *(name for name, _ in listed)]:
        numbers.setdefault(name.writer, set()).add(name.number)
    # A part that has no bytes yet holds nothing, unless its writer has gone on in another.
    parts = {n: size for n, size in listed if n not in covered and (size > 0 or n.number < max(numbers[n.writer]))}
    return parts, numbers


def missing_ranges(numbers: Iterable[int]) -> Iterator[range]:
    """The stretches of numbers from 0 on that are not among these."""
    following = 0
    for number in sorted(set(numbers)):
        if number > following:
            yield range(following, number)
        following = number + 1


def _superseded(metas: list[Meta]) -> set[str]:
    return {name for meta in metas for name in meta.supersedes}


def nothing_yet(path: RunPath) -> NotFoundError:
    """What to raise where a run's files are there, and nothing whole in them."""
    return NotFoundError(f"run {path} has written nothing whole yet: it is just beginning, or its disk was full")


def _not_found(store: Store, path: RunPath) -> str:
    run_ids = store.run_ids(path.entity, path.project)
    if not run_ids:
        return f"run {path}: there is no project {path.entity}/{path.project} in {store.url}; see: runlake ls"
    return f'run "{path.run_id}" not in project {path.entity}/{path.project} ({len(run_ids)} runs); see: runlake ls'
