"""Journals that processes elsewhere write, and send as they are: bytes of a part, from an offset on.

The process writes its journal where it runs and never waits for a server; whoever sends it sends what stands in the
parts. So the same bytes stand here in the end, and sending them twice, in pieces of any size, in two workers at once,
changes nothing: what is here must be what comes, what is missing before it is asked for (`GapError`). Only whole frames
are kept, after they were walked as every reader does it, and what they say was proven to mean something
(`store.journal.proof`): a client cannot leave a run that cannot be read.

Such a writer lives as `store.journal.served` has it.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import msgspec

from runlake.errors import BadValueError, ConflictError, CorruptError, GapError, NotFoundError
from runlake.lru import LruCache
from runlake.model import Appended, OpenRequest, RunInfo, RunPath, WriterGrant
from runlake.store.ingest.grant_codec import pack_grant, unpack_grant
from runlake.store.journal import record
from runlake.store.journal.bodies import Closing
from runlake.store.journal.fold import claims_of_user
from runlake.store.journal.header import PartHeader
from runlake.store.journal.journal import Journal, PartName
from runlake.store.journal.proof import prove_record
from runlake.store.journal.proof_rows import prove_part
from runlake.store.journal.scan import BEGINNING, ResumePoint, ScannedPart, scan_part, scan_since
from runlake.store.journal.served import Served
from runlake.store.journal.stop_requests import StopRequestWatcher
from runlake.store.layout import check_run_path
from runlake.store.noting import append_change
from runlake.store.opening.inspect_here import IN_PROCESS
from runlake.store.opening.open import open_run
from runlake.store.opening.writers import open_editor
from runlake.store.run.snapshot import number_parts
from runlake.store.run.tail import mark_at
from runlake.store.segment.meta import read_meta
from runlake.store.store import Store

_KEPT_PLACES = 4096
_LAST_CLOCK = 2**57
"""In microseconds: after the year 6000, and so early that a record behind it has a time that can be."""
_SAME = ("incarnation", "generation", "role")
"""What the head of each part says as it was said when the writer was announced."""


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a part ends, as this process has seen it."""

    mark: ResumePoint
    is_closed: bool = False
    served: Served | None = None
    """Whose it is, as the last turn of this process has seen it."""


class JournalReplicas:
    """The journals of a store that are written elsewhere. Threads may share it, and other processes feed them too.

    `seals`: a run that has ended is sealed, by a process of its own.
    """

    def __init__(self, store: Store, *, seals: bool = False) -> None:
        self._store, self._seals = store, seals
        self._places: LruCache[tuple[RunPath, PartName], _Place] = LruCache(_KEPT_PLACES)
        self._watches: LruCache[tuple[RunPath, str], StopRequestWatcher] = LruCache(_KEPT_PLACES)

    def open(self, path: RunPath, opening: OpenRequest) -> WriterGrant:
        """Open a run for a process elsewhere, or take on a journal that it has begun by itself (`opening.header`).

        Asking again with the same token gives the same answer, for an hour. Errors as `store.opening.open.open_run` has
        them; ConflictError when the run of that id is another than the one that `opening.incarnation` names.
        """
        check_run_path(path)
        self._store.create()
        if opening.header is not None:
            return self._take_on(path, opening.header, opening.user)
        with self._store.grants.hold(path, opening.token) as known:
            with suppress(BadValueError):  # nothing yet, or a worker was killed while it wrote
                return unpack_grant(known.content)
            grant = self._grant(path, opening)
            known.keep(pack_grant(grant))
            return grant

    def _grant(self, path: RunPath, opening: OpenRequest) -> WriterGrant:
        claimed = self._store.read_claim(path)
        if opening.incarnation is not None and claimed != opening.incarnation:
            raise ConflictError(
                f"run {path} of this id is another one here ({claimed or 'none'}) than there ({opening.incarnation})"
            )
        start = _read_start(opening.start)
        if opening.user is not None:
            start["user"] = opening.user
        opened = open_run(
            self._store,
            path,
            start,
            resume=opening.resume,
            is_shared=opening.is_shared,
            default_name=opening.default_name,
            rewind_to=opening.rewind_to,
            fork_from=opening.fork_from,
            inspector=IN_PROCESS,
        )
        writer = opened.writer
        try:
            with suppress(FileNotFoundError):  # deleted at this moment: the first append says so
                served = Served(header=writer.header, client=opening.token, user=opening.user)
                self._store.served(path).mark(writer.writer, served)
            frames = self._store.journal(path).read(PartName(writer.writer, 0))
        except FileNotFoundError:
            raise NotFoundError(f"run {path} was deleted while it was opened") from None
        finally:
            writer.close()
        return WriterGrant(
            path=path,
            writer=writer.writer,
            header=dict(writer.header.body),
            number=0,
            offset=len(frames),
            frames=frames,
            before=opened.before,
            numbers=opened.numbers,
            next_step=opened.next_step,
            is_beside=opened.is_beside,
            name=opened.name,
        )

    def append(self, path: RunPath, writer: str, number: int, offset: int, data: bytes) -> Appended:
        """Keep bytes of a part from `offset` on; without any, it is a sign of life.

        GapError where bytes are missing before them, ConflictError where others stand there, BadValueError for what is
        no whole, sound frames of this writer or means nothing, NotFoundError when the run is gone. OSError of the disk.
        """
        check_run_path(path)
        name = PartName(_plain(writer), number)
        if (appended := self._append_at_once(path, name, offset, data)) is not None:
            return appended
        with self._store.served(path).turn(writer) as served:
            next_offset, place = self._append(path, served, name, offset, data)
        if place is not None:  # only now: a turn whose end fails is not kept
            self._places.put((path, name), place)
        return Appended(next_offset=next_offset, is_stop_requested=self._is_stop_requested(path, writer, served))

    def _append_at_once(self, path: RunPath, name: PartName, offset: int, data: bytes) -> Appended | None:
        """As `append`, for rows alone, right behind what this process has seen of a part; None where it takes a turn.

        That the part still ends there proves that nobody else had a turn: what a turn changes, it says in the part.
        """
        place, kept = self._places.get((path, name)), self._store.served(path)
        if not (kept.appends_at_once and data and place is not None and place.mark.offset == offset):
            return None
        served = place.served
        if served is None or place.is_closed:
            return None
        part = _scan(data, place, name, served.header)
        if part.records or part.end != "open":
            return None  # of which others are told
        others = kept.append_at_once(name, data, offset)
        if others is None:
            return None
        place = _Place(mark_at(part, part.valid_bytes), served=served)
        self._places.put((path, name), place)
        is_stopped = self._is_stop_requested(path, name.writer, served, others)
        return Appended(next_offset=place.mark.offset, is_stop_requested=is_stopped)

    def _append(
        self, path: RunPath, served: Served, name: PartName, offset: int, data: bytes
    ) -> tuple[int, _Place | None]:
        """How much of the part is here then, and where it ends when something was appended."""
        journal = self._store.journal(path)
        journal.bind()
        place = self._place(path, journal, name)
        is_new = place is None
        if place is None:
            if served.ended is not None or self._is_past(path, name):
                return offset + len(data), None  # all of it is here, in a segment
            if offset > 0:
                raise GapError(f"{name} is not here yet: send it from its beginning", 0)
            if not data:
                return 0, None
            if name.number > 0 and not self._is_past(path, name, before=True):
                raise ConflictError(f"{name} comes before the part {name.number - 1} of its writer; send that first")
            place = _Place(BEGINNING)
        end = place.mark.offset
        if offset > end:
            raise GapError(f"{name} has {end} bytes here, and those from {offset} on were sent", end)
        known, fresh = data[: end - offset], data[end - offset :]
        if known and journal.read(name, offset, len(known)) != known:
            raise ConflictError(f"{name} holds other bytes here than were sent, between {offset} and {end}")
        if not fresh:
            return max(end, offset), None
        part = _scan(fresh, place, name, served.header)
        self._set_right(path, journal, served, part)  # first, for a worker that is killed between the two
        if is_new:
            journal.create_part(name).close()
        journal.append(name, fresh, end)
        place = _Place(mark_at(part, part.valid_bytes), part.end != "open" and part.is_complete, served)
        self._tell(path, served, name, part)
        return place.mark.offset, place

    def _set_right(self, path: RunPath, journal: Journal, served: Served, part: ScannedPart) -> None:
        """Where a journal names another than who sends it, note behind that who it was: its own bytes stay as they are.

        Most such journals are honest: on their own machines people have other names.
        """
        if served.user is None:
            return
        try:
            claims = list(claims_of_user((kind, body) for kind, body, _ in part.records))
        except (KeyError, msgspec.ValidationError) as error:
            raise BadValueError(f"what was sent of {path} takes over what cannot be read: {error}") from None
        clocks = [clock for clock, user in claims if user != served.user]
        if not clocks:
            return
        if not all(isinstance(clock, int) and clock < _LAST_CLOCK for clock in clocks):
            raise BadValueError(
                f"what was sent of {path} has a clock that none can come after; set that machine's right"
            )
        header = served.header
        info = RunInfo(
            **path._asdict(),
            incarnation=header.incarnation,
            generation=header.generation,
            name=path.run_id,
            state="running",
        )
        editor = open_editor(self._store, path, info, max(clocks), journal=journal).writer
        try:
            editor.record(record.INFO, {"user": served.user})
            editor.end({})
        finally:
            editor.close()

    def _tell(self, path: RunPath, served: Served, name: PartName, part: ScannedPart) -> None:
        """Others are told of a run that begins and of one that ends."""
        incarnation, is_editor = served.header.incarnation, served.header.is_editor
        if name.number == 0 and part.header is not None and not is_editor:
            append_change(self._store, path, name.writer, "init", incarnation)
        for kind, body, _ in part.records:
            if kind == record.END:
                with suppress(FileNotFoundError):  # deleted at this moment
                    counts = dict(Closing(body).row_counts)
                    self._store.served(path).mark(name.writer, msgspec.structs.replace(served, ended=counts))
                append_change(self._store, path, name.writer, "edit" if is_editor else "finish", incarnation)
                if self._seals and not is_editor:
                    self._store.seal_soon(path)

    def _place(self, path: RunPath, journal: Journal, name: PartName) -> _Place | None:
        """Where a part ends; what a worker that was killed left of a frame is cut off. None when it is not there."""
        try:
            size_bytes = journal.size_bytes(name)
        except FileNotFoundError:
            return None
        place = self._places.get((path, name))
        if place is not None and place.mark.offset == size_bytes:
            return place
        part = scan_part(journal.read(name), str(name))
        if part.valid_bytes < size_bytes:
            journal.truncate(name, part.valid_bytes)
        is_closed = part.end != "open" and part.is_complete
        return _Place(mark_at(part, part.valid_bytes), is_closed)

    def _is_past(self, path: RunPath, name: PartName, *, before: bool = False) -> bool:
        """Whether a part was here and is sealed; with `before`, whether the one before it is or was here."""
        return max(self._numbers(path, name.writer), default=-1) >= name.number - before

    def _numbers(self, path: RunPath, writer: str) -> set[int]:
        """The numbers of a writer's parts that are here, or in segments."""
        journal, segments = self._store.journal(path), self._store.segments(path)
        while True:
            try:
                metas = [read_meta(segments, name) for name in segments.list_names()]
            except FileNotFoundError:
                continue  # sealed under our hands
            return number_parts(journal, metas)[1].get(writer, set())

    def _take_on(self, path: RunPath, header: dict[str, Any], user: str | None) -> WriterGrant:
        """A journal that was begun without us. A run of another life under that id gets a name of its own."""
        try:
            writer, incarnation = _plain(str(header["writer"])), _plain(str(header["incarnation"]))
            header = {**header, "role": str(header.get("role", "run")), "generation": _plain(str(header["generation"]))}
        except KeyError as error:
            raise BadValueError(f"the header of a journal must say its {error}") from None
        prove_record(record.PART, {"number": 0, "first": {}, **header})
        death = self._store.changes(path.entity, path.project).latest_death(incarnation)
        if death is not None and death.action == "delete":
            raise NotFoundError(f"run {path} was deleted; restore it, or start it anew under another id")
        for place in (path, path._replace(run_id=f"{path.run_id}-{incarnation[:8]}")):
            self._store.make_run(place)
            if self._store.claim_incarnation(place, incarnation) == incarnation:
                path = place
                break
        else:
            raise ConflictError(f"the ids {path.run_id} and {place.run_id} of {path.entity}/{path.project} are taken")
        kept = self._store.served(path)
        served = kept.read(writer)
        if served is None:
            served = Served(header=PartHeader(header), user=user)
            kept.mark(writer, served)
        elif any(served.header.body.get(key) != header.get(key) for key in _SAME):
            raise ConflictError(f"there is a writer {writer} of run {path} already, and it is another one")
        number, offset = self._reached(path, writer, served)
        return WriterGrant(path=path, writer=writer, header=dict(served.header.body), number=number, offset=offset)

    def _reached(self, path: RunPath, writer: str, served: Served) -> tuple[int, int]:
        """The part to go on with, and how much of it is here."""
        numbers = self._numbers(path, writer)
        newest = PartName(writer, max(numbers, default=0))
        place = self._place(path, self._store.journal(path), newest)
        if place is None:
            return (newest.number + 1, 0) if numbers else (0, 0)
        if place.is_closed and served.ended is None:
            return newest.number + 1, 0
        return newest.number, place.mark.offset

    def _is_stop_requested(
        self, path: RunPath, writer: str, served: Served, parts: Sequence[tuple[PartName, int]] | None = None
    ) -> bool:
        if not served.header.is_trainer:
            return False
        key = (path, writer)
        watch = self._watches.get(key)
        if watch is None:
            since_us = int(float(served.header.created_at) * 1e6)
            journal = self._store.journal(path)
            watch = StopRequestWatcher(journal, served.header.generation, writer, since_us=since_us)
            self._watches.put(key, watch)
        return watch.is_stop_requested(parts)


def _scan(fresh: bytes, place: _Place, name: PartName, header: PartHeader) -> ScannedPart:
    """The new bytes, proven to be whole and sound, and those of this writer."""
    if place.is_closed:
        raise BadValueError(f"{name} is closed, and more of it was sent")
    try:
        part = scan_since(fresh, place.mark) if place.mark.offset else scan_part(fresh, str(name))
    except CorruptError as error:
        raise BadValueError(f"what was sent of {name} is no journal: {error}") from None
    if part is None or part.valid_bytes != len(fresh):
        raise BadValueError(f"what was sent of {name} from byte {place.mark.offset} on is no whole, sound frames")
    if not place.mark.offset:
        body = part.header.body if part.header else {}
        said = {key: body.get(key) for key in (*_SAME, "writer", "number")}
        if said != {**{key: header.body.get(key) for key in _SAME}, "writer": name.writer, "number": name.number}:
            raise BadValueError(f"the head of {name} names another writer or run: {said}")
    prove_part(part)
    return part


def _read_start(content: bytes) -> dict[str, Any]:
    """The body of a START record to come, which is not stamped yet."""
    try:
        start = record.decode_body(content)
    except (msgspec.MsgspecError, CorruptError, UnicodeError) as error:
        raise BadValueError(f"the start of a writer is no record: {error}") from None
    prove_record(record.START, {**start, "clock": 0, "n": 0})
    return {name: value for name, value in start.items() if name not in ("clock", "n")}


def _plain(name: str) -> str:
    """A name that is part of a file's name here."""
    if not name.isalnum() or not name.isascii() or len(name) > 64:
        raise BadValueError(f"{name[:80]!r} cannot be the name of a writer")
    return name
