"""The bytes of artifacts, each once in a store, under their SHA-256.

What is here never changes, so copies of it are as good as it. Nothing says who needs it but the manifests and the
drafts: what none of them names is removed by `store.artifacts.garbage` when it is old, and `refresh` makes it young
again. Before it is removed it lies aside for a moment, and whoever looks for it then brings it back.
"""

from __future__ import annotations

import hashlib
import io
import os
import stat
from collections.abc import Collection, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import BinaryIO, Protocol

from runlake.artifact_model import ContentInfo, UploadAddress, WantedUpload
from runlake.errors import CorruptError, NotFoundError
from runlake.incoming import Incoming, keep_whole
from runlake.md5 import md5_text, new_md5
from runlake.store.artifacts.names import check_sha256
from runlake.store.disk import (
    create_stream,
    discard,
    keep_under,
    make_folder,
    move,
    put_in_place,
    temporary_beside,
    touch,
    write_all,
)
from runlake.store.layout import Layout

PIECE_BYTES = 1 << 20
_APART_BYTES = 256 << 10


class ContentDigests:
    """Both digests of bytes that come in pieces: large pieces are given to two processors at once."""

    def __init__(self) -> None:
        self._sha256, self._md5 = hashlib.sha256(), new_md5()
        self._size_bytes = 0
        self._apart: ThreadPoolExecutor | None = None
        self._pending: Future[None] | None = None

    def update(self, piece: bytes | memoryview) -> None:
        """The next bytes."""
        self._wait()
        self._size_bytes += len(piece)
        if len(piece) >= _APART_BYTES:
            self._apart = self._apart or ThreadPoolExecutor(1, "runlake-digest")
            self._pending = self._apart.submit(self._md5.update, piece)
        else:
            self._md5.update(piece)
        self._sha256.update(piece)

    @property
    def md5(self) -> str:
        """Of what came so far, in base64."""
        self._wait()
        return md5_text(self._md5)

    def close(self) -> None:
        """Nothing comes any more."""
        self._wait()
        if self._apart is not None:
            self._apart.shutdown()
            self._apart = None

    def info(self) -> ContentInfo:
        """What came so far."""
        return ContentInfo(sha256=self._sha256.hexdigest(), digest=self.md5, size_bytes=self._size_bytes)

    def _wait(self) -> None:
        if self._pending is not None:
            self._pending.result()
            self._pending = None


def digest_stream(content: BinaryIO) -> ContentInfo:
    """What a stream holds, from where it stands to its end."""
    digests = ContentDigests()
    try:
        while piece := content.read(PIECE_BYTES):
            digests.update(piece)
        return digests.info()
    finally:
        digests.close()


class OwnedFile(io.FileIO):
    """A file that a store may take as it is, by its name: nobody else needs it, and what it holds is known."""

    def __init__(self, file: Path, info: ContentInfo) -> None:
        super().__init__(file, "rb")
        self.file, self.info = file, info


class DirectUploads(Protocol):
    """How contents of drafts come into a store past the process that serves it. Threads and processes may share it."""

    def offer(self, draft_id: str, wanted: Sequence[WantedUpload], *, valid_s: float) -> list[UploadAddress | None]:
        """Where each of these may be put for so long; None for what must come through us.

        Who asks again is told the same places. What is known to be here need not be asked for.
        """
        ...

    def complete(self, draft_id: str, md5: str, tags: Sequence[str]) -> bool:
        """All parts of a content were put, and the ETags of the answers are these. No where it does not come in parts.

        Twice is as once; `NotFoundError` where the upload was given up.
        """
        ...

    def prove(self, draft_id: str, digests: Collection[str]) -> None:
        """Find out which bytes came of these digests (MD5 in base64), so that `kept` tells of them.

        What did not come yet is no error. `BadValueError` where other bytes came; `BusyError` when it takes longer
        than one waits: who asks again waits for the rest.
        """
        ...

    def kept(self, draft_id: str, digests: Collection[str]) -> list[ContentInfo]:
        """What of these digests came for the draft, and was proven."""
        ...


class Contents(Protocol):
    """The contents of one store, wherever they are kept. Threads and processes may share it."""

    @property
    def uploads(self) -> DirectUploads | None:
        """None where contents lie on a disk of ours, to which there is no other way."""
        ...

    def has(self, sha256: str, size_bytes: int) -> bool:
        """Whether a content is here, and not cut off."""
        ...

    def refresh(self, sha256: str, size_bytes: int) -> bool:
        """Whether a content is here, and not cut off; from now on it counts as young."""
        ...

    def open(self, sha256: str, size_bytes: int) -> BinaryIO:
        """The bytes of a content. `NotFoundError` when it is gone, `CorruptError` when it has another size."""
        ...

    def signed_url(self, sha256: str, size_bytes: int, *, valid_s: float) -> str | None:
        """An address from which whoever has it fetches a content, for so long, without asking us.

        None where contents are not kept in a place that can be asked. `NotFoundError` when it is gone.
        """
        ...

    def receive(self) -> Incoming[ContentInfo]:
        """A content that comes piece by piece."""
        ...

    def put(self, content: BinaryIO) -> ContentInfo:
        """Keep all that comes from a stream, or nothing of it. An `OwnedFile` is taken where that can be done."""
        ...


class ContentStore:
    """The contents of a store in a folder."""

    uploads: DirectUploads | None = None

    def __init__(self, layout: Layout) -> None:
        self._folder, self._aside = layout.content_dir, layout.content_aside_dir

    def place_of(self, sha256: str) -> Path:
        """Where a content is; `PathError` for what cannot be a digest."""
        return Path(f"{self._folder}/{check_sha256(sha256)[:2]}/{sha256}")

    def has(self, sha256: str, size_bytes: int) -> bool:
        """Whether a content is here, and not cut off."""
        status = self._status(sha256)
        return status is not None and stat.S_ISREG(status.st_mode) and status.st_size == size_bytes

    def refresh(self, sha256: str, size_bytes: int) -> bool:
        """Whether a content is here, and not cut off; from now on it counts as young."""
        if not self.has(sha256, size_bytes):
            return False
        try:
            touch(self.place_of(sha256))
        except FileNotFoundError:
            return self.has(sha256, size_bytes)  # put aside at this moment
        except PermissionError:
            pass  # it is somebody else's
        return True

    def open(self, sha256: str, size_bytes: int) -> BinaryIO:
        """The bytes of a content. `NotFoundError` when it is gone, `CorruptError` when it has another size."""
        place = self.place_of(sha256)
        status = self._status(sha256)
        if status is not None and (status.st_size != size_bytes or not stat.S_ISREG(status.st_mode)):
            raise CorruptError(
                f"{place} has {status.st_size:,} bytes and not {size_bytes:,}; restore it, and see: runlake check"
            )
        try:
            return place.open("rb")
        except FileNotFoundError:
            raise NotFoundError(f"{place} is gone; restore it from a backup, and see: runlake check") from None

    def signed_url(self, sha256: str, size_bytes: int, *, valid_s: float) -> None:
        """Nobody but this machine has these contents."""

    def _status(self, sha256: str) -> os.stat_result | None:
        """What the disk says of a content, which is brought back where it was put aside; None where there is none."""
        place = self.place_of(sha256)
        try:
            return place.stat()
        except (FileNotFoundError, NotADirectoryError):
            pass
        try:
            move(self._aside / sha256, place)
            return place.stat()
        except OSError:
            return None  # it is not aside either, or nothing can be moved here

    def receive(self) -> IncomingBytes:
        """A content that comes piece by piece."""
        make_folder(self._folder)
        return IncomingBytes(self)

    def put(self, content: BinaryIO) -> ContentInfo:
        """Keep all that comes from a stream, or nothing of it. An `OwnedFile` is taken where that can be done."""
        if isinstance(content, OwnedFile) and self._take(content):
            return content.info
        return keep_whole(content, self.receive())

    def _take(self, owned: OwnedFile) -> bool:
        try:
            touch(owned.file)  # it may have waited for long
            self.settle(owned.file, owned.info)
        except OSError:  # another disk, or a folder that is not ours to take from
            return False
        return True

    def settle(self, file: Path, info: ContentInfo) -> None:
        """Move a whole file on this disk to where its content is, unless that is here.

        One that was cut off is replaced by it.
        """
        place = self.place_of(info.sha256)
        if self.refresh(info.sha256, info.size_bytes):
            discard(file)
            return
        if not place.parent.is_dir():
            make_folder(place.parent)
        put_in_place(file, place)

    def link(self, sha256: str, target: Path) -> None:
        """Give a content a second name: for another store on this disk, which does not change it either.

        There it counts as young.
        """
        keep_under(self.place_of(sha256), target)
        touch(target)

    def temporary(self) -> Path:
        """A name for what is on its way."""
        return temporary_beside(self._folder / "content")


class IncomingBytes:
    """A content that is written beside its place, and put there when it is whole."""

    def __init__(self, store: ContentStore) -> None:
        self._store = store
        self._temporary = store.temporary()
        self._stream = create_stream(self._temporary)
        self._digests = ContentDigests()

    @property
    def md5(self) -> str:
        """Of what was written so far, in base64."""
        return self._digests.md5

    def write(self, piece: bytes) -> None:
        """The next bytes."""
        self._digests.update(piece)
        write_all(self._stream, piece, self._temporary)

    def keep(self) -> ContentInfo:
        """Put it where its digest says, in one step; where that fails, nothing is left of it."""
        try:
            self._stream.close()
            self._digests.close()
            info = self._digests.info()
            self._store.settle(self._temporary, info)
        except BaseException:
            self.discard()
            raise
        return info

    def discard(self) -> None:
        """Leave nothing of it."""
        self._digests.close()
        try:
            self._stream.close()
        except OSError:
            pass  # what could not be written is not wanted
        discard(self._temporary)
