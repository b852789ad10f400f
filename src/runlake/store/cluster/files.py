"""The files of runs as rows and objects; `store.files` says what each method does.

An object is one content of one file, and never changes: who has it open reads it to its end while the row leads to
another one already. It stays in the bucket for a while after that (`store.cluster.garbage`).
"""

from __future__ import annotations

import hashlib
import io
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, BinaryIO, cast

from runlake.errors import BusyError, CorruptError, NotFoundError
from runlake.incoming import keep_whole
from runlake.md5 import md5_text, new_md5
from runlake.model import FileInfo, RunPath
from runlake.store.cluster.bucket import Bucket
from runlake.store.cluster.database import Database
from runlake.store.cluster.names import live_run
from runlake.store.cluster.object_cache import ObjectCache
from runlake.store.cluster.object_file import ObjectFile
from runlake.store.cluster.objects import Objects, StoredObject
from runlake.store.cluster.segment_place import RunPlace
from runlake.store.cluster.text import from_text, to_text
from runlake.store.files import (
    file_in_the_way,
    folder_in_the_way,
    mimetype_of,
    names_of_files,
    no_such_file,
    no_such_run,
    nothing_to_do,
)
from runlake.store.layout import check_file_name

_BUFFER_BYTES = 1 << 20
_ADOPTED_BYTES = 16 << 20
"""What is small is likely to be looked at at once; a copy of what is large would take a quarter of its upload."""
_INDEXED_LENGTH = 200
_LAST_CHARACTER = "\U0010ffff"

_HASH = r"sha256(replace({}, '\', '\\')::bytea)"
_THIS = f"run_no = %(run_no)s and name_hash = {_HASH.format('%(name)s::text')}"
_COLUMNS = "name, key, size_bytes, md5, mimetype, extract(epoch from kept_at)::float8"
_PLACE = f"left(name, {_INDEXED_LENGTH})"
_LIST = f"select {_COLUMNS} from files where run_no = %(run_no)s"
_PAGE = f"""
{_LIST} and {_PLACE} >= left(%(after)s, {_INDEXED_LENGTH}) and name > %(after)s
order by {_PLACE}, name limit %(limit)s
"""
_NAMED = f"{_LIST} and name_hash in (select {_HASH.format('name')} from unnest(%(names)s::text[]) name)"
_COUNT = "select count(*) from files where run_no = %(run_no)s"
_OPEN = f"select key, files.size_bytes, sums from files join objects using (key) where files.{_THIS}"
_DELETE = f"delete from files where {_THIS} returning key"
_KEEP = f"""
insert into files (run_no, name, key, size_bytes, md5, mimetype)
values (%(run_no)s, %(name)s, %(key)s, %(size_bytes)s, %(md5)s, %(mimetype)s)
on conflict (run_no, name_hash) do update set key = excluded.key, size_bytes = excluded.size_bytes,
    md5 = excluded.md5, mimetype = excluded.mimetype, kept_at = now()
returning {_COLUMNS}
"""
_IS_FOLDER_A_FILE = f"""
select 1 from files, unnest(%(folders)s::text[]) folder
where run_no = %(run_no)s and name_hash = {_HASH.format("folder")} limit 1
"""
_IS_FILE_A_FOLDER = f"""
select 1 from files where run_no = %(run_no)s and left(name, {_INDEXED_LENGTH}) >= %(from)s
    and left(name, {_INDEXED_LENGTH}) < %(to)s and starts_with(name, %(folder)s) limit 1
"""
_LOCK = "select 1 from runs where run_no = %(run_no)s and deleted_at is null for no key update"


class ClusterFiles:
    """The files of the runs of one store. Threads may share it."""

    def __init__(self, database: Database, bucket: Bucket, cache: ObjectCache) -> None:
        self._database, self._bucket, self._cache = database, bucket, cache
        self._objects = Objects(database, bucket)

    def list_files(
        self, path: RunPath, *, names: Iterable[str] | None = None, after: str = "", limit: int | None = None
    ) -> list[FileInfo]:
        """See `Files.list_files`."""
        asked: dict[str, Any] = {"run_no": live_run(self._database, path), "after": to_text(after), "limit": limit}
        if names is not None:
            asked["names"] = [to_text(name) for name in names_of_files(names)]
        rows = self._database.read(_PAGE if names is None else _NAMED, asked)
        return sorted((self._describe(row) for row in rows), key=lambda info: info.name)

    def count_files(self, path: RunPath) -> int:
        """See `Files.count_files`."""
        return int(self._database.read(_COUNT, {"run_no": live_run(self._database, path)})[0][0])

    def open_file(self, path: RunPath, name: str) -> BinaryIO:
        """See `Files.open_file`."""
        name = check_file_name(name)
        stored = self._stored(path, name)
        if stored is None:
            raise self._not_found(path, name)

        def lost() -> Exception:
            if self._stored(path, name) != stored:
                return self._not_found(path, name)
            return CorruptError(f"{name!r} of run {path}: its object {stored.key} is not in {self._bucket.url}")

        file = ObjectFile(self._cache.object(self._bucket, *stored), lost)
        return cast(BinaryIO, io.BufferedReader(file, _BUFFER_BYTES))

    def signed_url(self, path: RunPath, name: str, *, valid_s: float) -> str:
        """See `Files.signed_url`."""
        name = check_file_name(name)
        stored = self._stored(path, name)
        if stored is None:
            raise self._not_found(path, name)
        return self._bucket.signed_url("GET", stored.key, valid_s=valid_s)

    def receive_file(self, path: RunPath, name: str, on_kept: Callable[[], None] = nothing_to_do) -> ClusterIncoming:
        """See `Files.receive_file`."""
        name = check_file_name(name)
        run_no = live_run(self._database, path)
        if run_no is None:
            raise no_such_run(path, name)
        self._check_can_stand(run_no, name)
        return ClusterIncoming(lambda file, md5: self._keep(path, run_no, name, file, md5), on_kept)

    def put_file(self, path: RunPath, name: str, content: BinaryIO) -> FileInfo:
        """See `Files.put_file`."""
        return keep_whole(content, self.receive_file(path, name))

    def delete_file(self, path: RunPath, name: str) -> None:
        """See `Files.delete_file`."""
        name = check_file_name(name)
        run_no = live_run(self._database, path)
        with self._database.transaction():
            gone = self._database.write(_DELETE, {"run_no": run_no, "name": to_text(name)})
            self._objects.bury([key for (key,) in gone])
        if not gone:
            raise self._not_found(path, name)

    def _keep(self, path: RunPath, run_no: int, name: str, content: Path, md5: str) -> FileInfo:
        place = RunPlace(self._database, path)
        stem = place.stem_of_keys(run_no, "files") + hashlib.sha256(name.encode()).hexdigest()[:16]
        row: dict[str, Any] = {"run_no": run_no, "name": to_text(name), "md5": md5, "mimetype": mimetype_of(name)}
        stored = self._objects.put(stem, "", content, run_no)
        kept = self._database.retried(lambda: self._point(path, name, {**row, **stored._asdict()}))
        if stored.size_bytes <= _ADOPTED_BYTES:
            self._cache.object(self._bucket, *stored).adopt(content)
        return kept

    def _point(self, path: RunPath, name: str, row: dict[str, Any]) -> FileInfo:
        """Let the name lead to an object. BusyError when it came so late that it is garbage."""
        with self._database.transaction():
            if not self._database.write(_LOCK, row):
                raise no_such_run(path, name)
            self._check_can_stand(row["run_no"], name)
            folder = f"{to_text(name)}/"
            start = folder[:_INDEXED_LENGTH]
            beginning = {"run_no": row["run_no"], "folder": folder, "from": start, "to": start + _LAST_CHARACTER}
            if self._database.write(_IS_FILE_A_FOLDER, beginning):
                raise folder_in_the_way(name)
            if not self._objects.publish([row["key"]]):
                raise BusyError(f"{name!r} of run {path} took too long on its way into the bucket; send it again")
            before = self._database.write(_OPEN, row)
            kept = self._describe(self._database.write(_KEEP, row)[0])
            self._objects.bury([key for key, _, _ in before if key != row["key"]])
        return kept

    def _check_can_stand(self, run_no: int, name: str) -> None:
        folders = [to_text(name[:place]) for place, character in enumerate(name) if character == "/"]
        if folders and self._database.read(_IS_FOLDER_A_FILE, {"run_no": run_no, "folders": folders}):
            raise file_in_the_way(name)

    def _stored(self, path: RunPath, name: str) -> StoredObject | None:
        rows = self._database.read(_OPEN, {"run_no": live_run(self._database, path), "name": to_text(name)})
        return StoredObject(*rows[0]) if rows else None

    def _describe(self, row: tuple[Any, ...]) -> FileInfo:
        name, key, size_bytes, md5, mimetype, kept_at = row
        return FileInfo(
            name=from_text(name),
            size_bytes=size_bytes,
            mimetype=mimetype,
            updated_at=kept_at,
            md5=md5,
            url=f"{self._bucket.url}/{key}",
        )

    def _not_found(self, path: RunPath, name: str) -> NotFoundError:
        return no_such_file(path, name, [info.name for info in self.list_files(path)])


class ClusterIncoming:
    """A file that comes piece by piece onto the disk of this machine, and goes into the bucket when it is whole."""

    def __init__(self, keep: Callable[[Path, str], FileInfo], on_kept: Callable[[], None]) -> None:
        self._keep, self._on_kept, self._digest = keep, on_kept, new_md5()
        self._target = tempfile.NamedTemporaryFile(prefix="runlake-")  # noqa: SIM115, `keep` and `discard` close it

    @property
    def md5(self) -> str:
        """Of what was written so far, in base64."""
        return md5_text(self._digest)

    def write(self, piece: bytes) -> None:
        """The next bytes."""
        self._digest.update(piece)
        self._target.write(piece)

    def keep(self) -> FileInfo:
        """Put the file into the bucket, and let its name lead there in one step."""
        self._target.flush()
        kept = self._keep(Path(self._target.name), self.md5)
        self._target.close()
        self._on_kept()
        return kept

    def discard(self) -> None:
        """Leave nothing of it."""
        self._target.close()
