"""Artifacts that were begun and are not committed: what they begin with, and which contents were put for them.

What was put is a log that any process may append a line to. A line that was cut off by a full disk is passed over:
its content is in the store all the same, and is put again. As long as a draft is there, what was put for it is not
collected; `store.artifacts.garbage` removes drafts that nobody went on with for a day.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import msgspec

from runlake.artifact_model import ArtifactInfo, ArtifactPath, ArtifactStart, ContentInfo
from runlake.errors import BadValueError, CorruptError, NotFoundError
from runlake.ready import ready
from runlake.store.artifacts.collection import CollectionFolder
from runlake.store.artifacts.names import check_entry_path, check_sha256
from runlake.store.artifacts.proof import prove_count, prove_start, prove_time
from runlake.values import encode_json, stored_json

_decoder = msgspec.json.Decoder(ContentInfo)


class StartedDraft(msgspec.Struct, frozen=True, kw_only=True):
    """What an artifact begins with, and when."""

    at: float
    start: ArtifactStart


class Draft:
    """One draft in the folder of its collection."""

    def __init__(self, collection: CollectionFolder, artifact_id: str) -> None:
        self.artifact_id = artifact_id
        self._path = collection.path
        self._type = collection.fold.type
        self._tree = collection.tree
        self._file = collection.folder / "drafts" / f"{artifact_id}.json"
        self._received = self._file.with_suffix(".received")

    @property
    def path(self) -> ArtifactPath:
        return self._path.at(self.artifact_id)

    @property
    def is_begun(self) -> bool:
        """Whether somebody began it, and it is not committed."""
        return self._tree.size_bytes(self._file) is not None

    def begin(self, start: ArtifactStart, at: float) -> None:
        """Write down what it begins with, in the place of what it began with before."""
        text = encode_json(msgspec.to_builtins(StartedDraft(at=at, start=start))) + "\n"
        with self._in_its_collection():
            self._tree.replace(self._file, text.encode())

    def read(self) -> StartedDraft:
        """What it began with; `NotFoundError` for one that was never begun, or is committed."""
        try:
            return started_draft_of(self._tree.read(self._file))
        except FileNotFoundError:
            raise NotFoundError(f"no artifact {self.path} is being made; begin it first") from None
        except (BadValueError, IsADirectoryError) as error:
            raise CorruptError(f"{self._file} cannot be read ({error}); begin the artifact anew") from None

    def describe(self) -> ArtifactInfo:
        """The draft as who makes it sees it."""
        began = self.read()
        start = began.start
        return ArtifactInfo(
            entity=self._path.entity,
            project=self._path.project,
            name=self._path.name,
            artifact_id=self.artifact_id,
            type=self._type,
            state="PENDING",
            digest=start.digest,
            description=start.description,
            metadata=start.metadata,
            aliases=start.aliases,
            tags=start.tags,
            created_by=start.run,
            user=start.user,
            created_at=began.at,
            updated_at=began.at,
            ttl_s=start.ttl_s,
            history_step=start.history_step,
        )

    def note(self, *contents: ContentInfo) -> None:
        """Remember that contents were put for it."""
        with self._in_its_collection():
            self._tree.append_line(self._received, b"\n".join(map(msgspec.json.encode, contents)))

    def received(self) -> list[ContentInfo]:
        """What was put for it, in that order."""
        try:
            return contents_received(self._tree.read(self._received))
        except (FileNotFoundError, IsADirectoryError):
            return []

    def end(self) -> None:
        """Remove it: it is committed, or nobody wants it."""
        self._tree.remove(self._received)
        self._tree.remove(self._file)

    @contextmanager
    def _in_its_collection(self) -> Iterator[None]:
        """Say of a folder that is gone what that means."""
        try:
            yield
        except FileNotFoundError:
            raise NotFoundError(
                f"artifact {self._path} was deleted or renamed just now; begin {self.path} anew"
            ) from None


def started_draft_of(content: bytes) -> StartedDraft:
    """What the file of a draft says; BadValueError for one that says nothing that could be."""
    try:
        draft = msgspec.convert(stored_json(content.decode()), ready(StartedDraft))
    except (ValueError, CorruptError, RecursionError) as error:
        raise BadValueError(f"this is no draft of an artifact: {error}") from None
    prove_time("the time of a draft", draft.at)
    prove_start(draft.start)
    return draft


def contents_received(content: bytes) -> list[ContentInfo]:
    """What the log of a draft says was put for it, in that order. Lines that make no sense say nothing."""
    found = []
    for line in content.splitlines():
        if line:
            try:
                received = _decoder.decode(line)
                check_sha256(received.sha256)
                prove_count("the size of a content", received.size_bytes)
                if received.name is not None:
                    check_entry_path(received.name)
            except (ValueError, RecursionError):
                continue
            found.append(received)
    return found
