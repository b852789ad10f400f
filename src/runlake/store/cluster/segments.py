"""Segments as rows and objects; `store.segment.segments` says what each method does.

Small files (meta files) are rows. The others are objects of the bucket that a row leads to. A meta file is published
by one transaction that looks whether the run is there and whether the segment's inputs are nobody else's, and that says
of each part which segment has it: so of two who seal the same part one comes too late, whatever leases said.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa

from runlake.errors import CorruptError
from runlake.model import RunPath
from runlake.store.cluster.bucket import Bucket
from runlake.store.cluster.database import Database
from runlake.store.cluster.leases import PostgresLeases
from runlake.store.cluster.object_cache import ObjectCache
from runlake.store.cluster.object_file import ObjectFile, SharedFile
from runlake.store.cluster.objects import Objects, StoredObject
from runlake.store.cluster.publishing import check_publishable
from runlake.store.cluster.segment_place import Place, ProjectPlace, RunPlace
from runlake.store.cluster.text import from_text, to_text
from runlake.store.segment.meta import Meta, parse_meta
from runlake.store.segment.segments import META_SUFFIX, series_name

_OBJECT_SUFFIX = ".parquet"
_SEEN_BYTES = 256 << 10
"""More in small files is read when it is asked for."""

_LOOK = """
select {small}.name, case when sum(length(meta)) over () <= %(most_bytes)s then meta end, null, null::bigint, null
from {small} join {owners} using ({owner}) where {mine}
union all
select file, null, key, {files}.size_bytes, sums
from {files} join {owners} using ({owner}) join objects using (key) where {mine}
"""


def segments_of(database: Database, bucket: Bucket, cache: ObjectCache, path: RunPath) -> ClusterSegments:
    """The segments of one run."""
    shared = packed_of(database, bucket, cache, path.entity, path.project)
    return ClusterSegments(database, bucket, cache, RunPlace(database, path), shared)


def packed_of(database: Database, bucket: Bucket, cache: ObjectCache, entity: str, project: str) -> ClusterSegments:
    """The files that the runs of a project share."""
    return ClusterSegments(database, bucket, cache, ProjectPlace(database, entity, project))


class ClusterSegments:
    """The segments of one place. They stay with the run that was there when it was first found: once that is deleted
    there are none, and none can be made."""

    def __init__(
        self,
        database: Database,
        bucket: Bucket,
        cache: ObjectCache,
        place: Place,
        shared: ClusterSegments | None = None,
    ) -> None:
        self._database, self._bucket, self._cache, self._place, self._shared = database, bucket, cache, place, shared
        self._objects = Objects(database, bucket)
        self._leases = PostgresLeases(database)
        self._number: int | None = None
        self._seen: dict[str, bytes | StoredObject] = {}

    # Reading ------------------------------------------------------------------------------------------------

    def list_names(self, suffix: str = META_SUFFIX) -> set[str]:
        """As promised; what is small of what it saw answers `read` and `open` until the next look: who reads a run asks
        once."""
        rows = self._rows(_LOOK, most_bytes=_SEEN_BYTES)
        seen: dict[str, bytes | StoredObject] = {}
        names = set()
        for name, content, *stored in rows:
            if stored[0] is not None:
                seen[from_text(name)] = StoredObject(*stored)
                continue
            names.add(file := _file_of(from_text(name)))
            if content is not None:
                seen[file] = bytes(content)
        self._seen = seen
        return {name.removesuffix(suffix) for name in names if name.endswith(suffix)}

    def read(self, file: str) -> bytes:
        if "/" in file and self._shared is not None:
            return self._shared.read(file.rpartition("/")[2])
        if _is_object(file):
            with self._open_object(file) as opened:
                return opened.read()
        if isinstance(seen := self._seen.get(file), bytes):
            return seen
        rows = self._rows(
            "select meta from {small} join {owners} using ({owner}) where {mine} and {small}.name = %(name)s", file
        )
        if not rows:
            raise self._no_file(file)
        return bytes(rows[0][0])

    def open(self, file: str) -> pa.NativeFile:
        if "/" in file and self._shared is not None:
            return self._shared.open(file.rpartition("/")[2])
        if not _is_object(file):
            return pa.BufferReader(self.read(file))
        return pa.PythonFile(SharedFile(self._open_object(file)), mode="r")

    def url_of(self, file: str, signed_for_s: float | None = None) -> str:
        if "/" in file and self._shared is not None:
            return self._shared.url_of(file.rpartition("/")[2], signed_for_s)
        key = self._stored(file).key
        if signed_for_s is not None:
            return self._bucket.signed_url("GET", key, valid_s=signed_for_s)
        return f"{self._bucket.url}/{key}"

    def size_bytes(self, file: str) -> int:
        if "/" in file and self._shared is not None:
            return self._shared.size_bytes(file.rpartition("/")[2])
        return len(self.read(file)) if not _is_object(file) else self._stored(file).size_bytes

    def written_at(self, file: str) -> float:
        table, name, at = (
            ("{files}", "file", "written_at") if _is_object(file) else ("{small}", "{small}.name", "published_at")
        )
        ago = f"select extract(epoch from clock_timestamp() - {at})::float8"
        rows = self._rows(
            f"{ago} from {table} join {{owners}} using ({{owner}}) where {{mine}} and {name} = %(name)s", file
        )
        if not rows:
            raise self._no_file(file)
        return time.time() - float(rows[0][0])

    def changed_at(self) -> float | None:
        ago = "select extract(epoch from clock_timestamp() - {owners}.segments_moved_at)::float8"
        rows = self._rows(f"{ago} from {{owners}} where {{mine}} and {{owners}}.segments_moved_at is not null")
        return time.time() - float(rows[0][0]) if rows else None

    def _open_object(self, file: str) -> ObjectFile:
        stored = self._stored(file)
        blocks = self._cache.object(self._bucket, *stored)
        return ObjectFile(blocks, lost=lambda: self._lost(file, stored))

    def _lost(self, file: str, stored: StoredObject) -> Exception:
        """What it means that an object is not in the bucket: somebody removed the file, or the bucket lost it."""
        try:
            is_named = self._find_object(file) == stored
        except FileNotFoundError as error:
            return error
        if not is_named:
            return self._no_file(file)
        return CorruptError(f"{file}: its object {stored.key} is not in {self._bucket.url}; restore it from a backup")

    def _stored(self, file: str) -> StoredObject:
        seen = self._seen.get(file)
        return seen if isinstance(seen, StoredObject) else self._find_object(file)

    def _find_object(self, file: str) -> StoredObject:
        statement = """
            select key, {files}.size_bytes, sums from {files} join {owners} using ({owner}) join objects using (key)
            where {mine} and file = %(name)s
        """
        rows = self._rows(statement, file)
        if not rows:
            raise self._no_file(file)
        return StoredObject(*rows[0])

    # Writing ------------------------------------------------------------------------------------------------

    def prepare(self) -> None:
        with self._locked():
            pass

    @contextmanager
    def create(self, file: str, named_by: str | None = None) -> Iterator[pa.NativeFile]:
        with tempfile.TemporaryDirectory(prefix="runlake-") as folder:
            temporary = Path(folder, "object")
            with pa.OSFile(str(temporary), "wb") as sink:
                yield sink
            if not self._is_settled(file, named_by):
                self._put(file, named_by, temporary)

    def _is_settled(self, file: str, named_by: str | None) -> bool:
        """Whether the file is there, and not to be made anew."""
        try:
            self._find_object(file)
        except FileNotFoundError:
            return False
        return named_by is None or self._has_small(named_by)

    def _put(self, file: str, named_by: str | None, content: Path) -> None:
        number = self._found()
        stem = self._place.stem_of_keys(number) + file.removesuffix(_OBJECT_SUFFIX)
        run_no = number if self._place.owner == "run_no" else None
        stored = self._objects.put(stem, _OBJECT_SUFFIX, content, run_no)
        self._database.retried(lambda: self._point(file, named_by, stored))
        self._cache.object(self._bucket, *stored).adopt(content)

    def _point(self, file: str, named_by: str | None, stored: StoredObject) -> None:
        """Let the file be this object, unless it is another one's by now. FileNotFoundError when it is garbage."""
        upsert = """
            insert into {files} ({owner}, file, key, size_bytes) values (%(number)s, %(name)s, %(key)s, %(size_bytes)s)
            on conflict ({owner}, file) do update
            set key = excluded.key, size_bytes = excluded.size_bytes, written_at = now()
        """
        with self._locked(is_moving=True):
            before = self._keys("file = %(name)s", name=to_text(file))
            if stored.key in before:
                return  # this was done, and the answer was lost
            if self._is_settled(file, named_by):
                self._objects.bury([stored.key])
                return
            if not self._objects.keep_staged(stored.key):
                raise FileNotFoundError(f"{file} came so late that it is garbage by now: make it again")
            self._rows(upsert, file, key=stored.key, size_bytes=stored.size_bytes)
            self._objects.bury(before)

    def replace(self, file: str, content: bytes) -> None:
        """As promised; what is more, the segment's inputs are its own from then on.

        FileNotFoundError also when others sealed them meanwhile, or its files are garbage by now: look again. Bytes
        that are no meta file replace nothing.
        """
        self._database.retried(lambda: self._replace(file, content, is_checked=True))

    def adopt(self, file: str, content: bytes) -> None:
        """The same for a segment that was sealed elsewhere: its parts were never here."""
        self._database.retried(lambda: self._replace(file, content, is_checked=False))

    def _replace(self, file: str, content: bytes, *, is_checked: bool) -> None:
        upsert = """
            insert into {small} ({owner}, name, meta) values (%(number)s, %(name)s, %(content)b)
            on conflict ({owner}, name) do update set meta = excluded.meta, published_at = now()
        """
        stem = file.rpartition(".")[0]
        with self._locked(is_moving=True):
            meta = _meta_of(content, file)
            keys = self._keys("left(file, length(%(stem)s)) = %(stem)s", stem=to_text(f"{stem}-"))
            if meta is not None:
                keys += self._keys_of(meta)
                if is_checked:
                    self._take_parts(meta)
            if not self._objects.publish(keys):
                raise FileNotFoundError(f"files of {file} are garbage by now: make them again")
            self._rows(upsert, file, content=content)
            if meta is not None and meta.is_packed:
                packed = "update {small} set packed_in = %(packed_in)s where {owner} = %(number)s and name = %(name)s"
                self._rows(packed, file, packed_in=meta.packed_in)

    def _keys_of(self, meta: Meta) -> list[str]:
        """The objects of all that the meta file names. FileNotFoundError when one is not there."""
        files = [file for name in meta.files.values() for file in (name, series_name(name))]
        places = [self._shared if "/" in file and self._shared is not None else self for file in files]
        found = zip(places, files, strict=True)
        return [place._find_object(file.rpartition("/")[2]).key for place, file in found]

    def _take_parts(self, meta: Meta) -> None:
        """Say of the parts that the segment has them. FileNotFoundError when it may not."""
        present = {}
        for name in self.list_names():
            present[name] = parse_meta(self.read(f"{name}{META_SUFFIX}"), f"{name}{META_SUFFIX}")
        parts: dict[str, Any] = {
            "writers": [to_text(writer) for writer, _ in meta.covers],
            "numbers": [part_number for _, part_number in meta.covers],
        }
        these = """
            run_no = %(number)s
            and (writer, number) in (select * from unnest(%(writers)s::text[], %(numbers)s::integer[]))
        """
        rows = self._rows(f"select writer, number, sealed_in from parts where {these} for update", **parts)
        sealed_in = {(from_text(writer), number): sealed for writer, number, sealed in rows}
        check_publishable(meta, present, sealed_in)
        take = "update parts set sealed_in = %(segment)s, moved_xid = pg_current_xact_id()"
        self._rows(f"{take} where {these} and sealed_in is distinct from %(segment)s", **parts, segment=meta.name)
        self._rows("update runs set parts_moved_at = now() where run_no = %(number)s")

    def sync(self, file: str) -> None:
        self.written_at(file)  # what is there was committed, and is in the bucket

    def remove(self, file: str) -> None:
        self._database.retried(lambda: self._remove(file))

    def _remove(self, file: str) -> None:
        with self._database.transaction():
            if self._find() is None:
                return
            gone = self._rows("delete from {files} where {owner} = %(number)s and file = %(name)s returning key", file)
            self._objects.bury([key for (key,) in gone])
            gone += self._rows(
                "delete from {small} where {owner} = %(number)s and name = %(name)s returning name", file
            )
            if gone:
                self._mark_moved()
        self._seen = {}

    def sweep(self, is_wanted: Callable[[str], bool], *, older_than_s: float) -> None:
        old = "%(number)s = {owner} and {at} < clock_timestamp() - make_interval(secs => %(older_than_s)s)"
        for table, name, at in (("{files}", "file", "written_at"), ("{small}", "name", "published_at")):
            rows = self._rows(f"select {name} from {table} where {old.replace('{at}', at)}", older_than_s=older_than_s)
            for (found,) in rows:
                file = from_text(found) if name == "file" else _file_of(from_text(found))
                if not is_wanted(file):
                    self.remove(file)

    def alone(self, *, is_waiting: bool) -> AbstractContextManager[bool]:
        return self._leases.hold(self._place.name, is_waiting=is_waiting)

    # Rows ---------------------------------------------------------------------------------------------------

    @contextmanager
    def _locked(self, *, is_moving: bool = False) -> Iterator[None]:
        """A transaction in which nobody else changes these segments. FileNotFoundError when their owner is gone."""
        with self._database.transaction():
            self._found()
            if not self._rows("select 1 from {owners} where {mine} for no key update"):
                raise self._gone()
            yield
            if is_moving:
                self._mark_moved()
        self._seen = {}

    def _mark_moved(self) -> None:
        moved = "update {owners} set segments_moved_at = now(){moved} where {owner} = %(number)s"
        self._rows(moved.replace("{moved}", ", moved_xid = pg_current_xact_id()" * (self._place.owner == "run_no")))

    def _has_small(self, file: str) -> bool:
        return bool(self._rows("select 1 from {small} where {owner} = %(number)s and name = %(name)s", file))

    def _keys(self, condition: str, **parameters: Any) -> list[str]:
        rows = self._rows(f"select key from {{files}} where {{owner}} = %(number)s and {condition}", **parameters)
        return [key for (key,) in rows]

    def _rows(self, template: str, file: str | None = None, **parameters: Any) -> list[tuple[Any, ...]]:
        """What a statement answers about this place; `file` is the one that it calls ``%(name)s``."""
        place = self._place
        mine = f"{place.owners}.{place.owner} = %(number)s and {place.is_there}"
        names = {"small": place.small, "files": place.files, "owners": place.owners, "owner": place.owner, "mine": mine}
        statement = template.format(**names)
        if file is not None:
            parameters["name"] = to_text(file if _is_object(file) else _name_of(file))
        parameters["number"] = self._find()
        return self._database.read(statement, parameters)

    def _find(self) -> int | None:
        if self._number is None:
            self._number = self._place.find()
        return self._number

    def _found(self) -> int:
        number = self._find()
        if number is None:
            raise self._gone()
        return number

    def _gone(self) -> FileNotFoundError:
        return FileNotFoundError(f"{self._place.name}: the run was deleted or moved")

    def _no_file(self, file: str) -> FileNotFoundError:
        return FileNotFoundError(f"{self._place.name}: there is no file {file}")


def _is_object(file: str) -> bool:
    return file.endswith(_OBJECT_SUFFIX)


def _name_of(file: str) -> str:
    """What the row of a small file is called: a meta file has the name of its segment."""
    return file.removesuffix(META_SUFFIX)


def _file_of(name: str) -> str:
    return name if "." in name else f"{name}{META_SUFFIX}"


def _meta_of(content: bytes, file: str) -> Meta | None:
    """What a small file says, if it is the meta file of a segment."""
    try:
        return parse_meta(content, file) if file.endswith(META_SUFFIX) else None
    except CorruptError:
        return None
