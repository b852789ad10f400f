"""Runs as a listing has them, noted by who seals: of a million runs of which thousands moved none is read anew.

A note says what a run was when its row had a certain `moved_xid`, and nothing of it was unsealed. Whatever changes how
a run reads changes that number, or is in a part that is not sealed. So a note is never taken for more than it is, be it
lost, late or of another version of runlake: then the run is read.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping

import msgspec

from runlake.errors import NotFoundError, StoreError
from runlake.model import ENDED_STATES, RunInfo, RunPath
from runlake.store.catalog.catalog_file import FIELDS, StoredRow, pack_row
from runlake.store.catalog.project_records import CatalogRow
from runlake.store.cluster.database import Database
from runlake.store.cluster.names import LIVE_RUN, keys_of

_IS_SEALED = "not exists (select from parts where parts.run_no = runs.run_no and sealed_in is null)"
_MOVED_BY = f"""
select runs.run_no, runs.moved_xid::text, run_states.run_no is not null from runs
left join run_states on run_states.run_no = runs.run_no and run_states.moved_xid = runs.moved_xid
    and fields = %(fields)s
where runs.run_no = ({LIVE_RUN}) and {_IS_SEALED}
"""
_NOTE = f"""
insert into run_states (run_no, moved_xid, fields, body)
select run_no, moved_xid, %(fields)s, %(body)b from runs
where run_no = %(run_no)s and moved_xid = %(moved_xid)s::xid8 and {_IS_SEALED}
on conflict (run_no) do update set moved_xid = excluded.moved_xid, fields = excluded.fields, body = excluded.body
"""
_DECODER = msgspec.msgpack.Decoder(StoredRow)
_READ = """
select run_no, moved_xid::text, body from run_states where run_no = any(%(run_nos)s) and fields = %(fields)s
"""


def note_run(database: Database, path: RunPath, fold: Callable[[RunPath], RunInfo]) -> bool:
    """Note how a run reads, unless a note says so; False where some of it is unsealed, it moved or cannot be read."""
    found = database.read(_MOVED_BY, {**keys_of(path), "fields": FIELDS})
    if not found:
        return False
    ((run_no, moved_xid, is_noted),) = found
    if is_noted:
        return True
    try:
        info = fold(path)
    except (NotFoundError, StoreError, OSError):
        return False  # deleted meanwhile; or that is for its readers to say
    parameters = {"run_no": run_no, "moved_xid": moved_xid, "fields": FIELDS, "body": _encode(info)}
    return bool(database.read(f"{_NOTE} returning true", parameters))


def read_notes(database: Database, moved: Mapping[int, str]) -> dict[int, StoredRow]:
    """The notes of those of some runs that have one of the `moved_xid` that is given, by number. Of each that is
    otherwise than another `fingerprint` is another."""
    rows = database.read(_READ, {"run_nos": list(moved), "fields": FIELDS})
    return {run_no: _DECODER.decode(body) for run_no, moved_xid, body in rows if moved[run_no] == moved_xid}


def _encode(info: RunInfo) -> bytes:
    row = pack_row(CatalogRow(info, 0, is_open=info.state not in ENDED_STATES))
    digest = hashlib.blake2b((row.info or b"") + (row.trees or "").encode(), digest_size=8).digest()
    # Marks of journals are no negative numbers.
    return msgspec.msgpack.encode(msgspec.structs.replace(row, fingerprint=-1 - (int.from_bytes(digest) >> 2)))
