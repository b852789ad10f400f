"""What an exported folder says of itself: every file, of which state of which run, under which options.

The same snapshot of a project and the same options give the same manifest byte for byte, except for `Made`, which says
when and from where: `Manifest.digest` leaves it out.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

import msgspec

from runlake.bulk.options import ExportOptions
from runlake.errors import CorruptError, NewerFormatError
from runlake.model import RunInfo
from runlake.ready import ready
from runlake.service.wire.documents import pack

MANIFEST = "manifest.json"
FORMAT_NAME, FORMAT_VERSION = "runlake export", 1

_OF_THE_MOMENT = ("heartbeat_at", "runtime_s", "stop_requested")
"""Fields of a run that change while nothing is logged."""


class _Mark(msgspec.Struct):
    """What a manifest of any version has."""

    format: str
    format_version: int


class FileEntry(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One file: where it is below the folder, and what is in it.

    `kind` is a stream, ``runs``, ``artifacts``, ``artifact_manifest``, or ``file`` of a run or ``artifact_file`` of a
    version, which are called `name` there and have the `md5` that the store gives. Rows and steps are given of tables
    only; with `source_row_count` the rows are a sample of so many.
    """

    path: str
    kind: str
    size_bytes: int
    sha256: str
    row_count: int | None = None
    first_step: int | None = None
    last_step: int | None = None
    source_row_count: int | None = None
    name: str | None = None
    md5: str | None = None


class RunEntry(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One run at the moment of the snapshot, and its files.

    `fingerprint` is that of everything known of the run but its rows; `row_counts` are its rows of each stream that was
    exported, and `next_n`, of a run that was being written, how many of each writer. `made_by` wrote the files.
    `problems` say what is missing. `is_in_base`: the run is as it was in the export that this one goes on from, and its
    files are there and not here.
    """

    run_id: str
    incarnation: str
    generation: str
    fingerprint: str
    row_counts: dict[str, int] = {}
    next_n: dict[str, dict[str, int]] = {}
    made_by: str = ""
    files: tuple[FileEntry, ...] = ()
    problems: tuple[str, ...] = ()
    is_in_base: bool = False


class ArtifactEntry(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One version of an artifact whose files are exported; fields as those of a run have them."""

    name: str
    version: str
    artifact_id: str
    digest: str
    files: tuple[FileEntry, ...] = ()
    problems: tuple[str, ...] = ()
    is_in_base: bool = False

    @property
    def title(self) -> str:
        """As people write it: ``name:v3``."""
        return f"{self.name}:{self.version}"


Entry = RunEntry | ArtifactEntry
"""What has files of its own."""


class Made(msgspec.Struct, frozen=True, kw_only=True):
    """When and from where: `at` in seconds since 1970, the snapshot's; `listing_version` names that state there."""

    at: float
    url: str
    listing_version: str


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """An exported folder, or with a `base` what came after the export with this digest.

    `deleted` are runs that the export before had and this snapshot has not, `deleted_artifacts` versions (``name:v3``).
    `totals` count the runs, the rows that were written of each stream, and the files of runs and of artifacts.
    """

    format: str = FORMAT_NAME
    format_version: int = FORMAT_VERSION
    made_by: str = ""
    entity: str
    project: str
    options: ExportOptions
    totals: dict[str, int]
    tables: tuple[FileEntry, ...]
    runs: tuple[RunEntry, ...]
    artifacts: tuple[ArtifactEntry, ...] = ()
    deleted: tuple[str, ...] = ()
    deleted_artifacts: tuple[str, ...] = ()
    base: str | None = None
    made: Made | None = None
    digest: str = ""

    def proper_digest(self) -> str:
        """The digest that this manifest has when nobody altered it: of all but `made` and the digest itself."""
        return hashlib.sha256(msgspec.json.encode(msgspec.structs.replace(self, made=None, digest=""))).hexdigest()

    def encoded(self) -> bytes:
        """The manifest as a file, readable by people."""
        return msgspec.json.format(msgspec.json.encode(self), indent=1) + b"\n"

    def files_here(self) -> dict[str, FileEntry]:
        """The files that lie in the folder itself, by path."""
        parts = (file for entry in self.entries() if not entry.is_in_base for file in entry.files)
        return {file.path: file for file in (*self.tables, *parts)}

    def entries(self) -> Iterator[Entry]:
        """Everything that has files of its own: runs, and versions of artifacts."""
        yield from self.runs
        yield from self.artifacts


def fingerprint_of(info: RunInfo) -> str:
    """The SHA-256 of what is known of a run, times that pass by themselves aside."""
    known = {name: value for name, value in msgspec.structs.asdict(info).items() if name not in _OF_THE_MOMENT}
    return hashlib.sha256(pack(known)).hexdigest()


def made_by() -> str:
    """Which programs decide about the bytes of a file."""
    import pyarrow as pa

    from runlake.version import __version__

    return f"runlake {__version__}, pyarrow {pa.__version__}"


def decode_manifest(content: bytes, place: str) -> Manifest:
    """The manifest that lies at a place. `NewerFormatError`, and `CorruptError` for one that somebody altered."""
    try:
        mark = msgspec.json.decode(content, type=ready(_Mark))
        if mark.format == FORMAT_NAME and mark.format_version > FORMAT_VERSION:
            found = f"{place} has format {mark.format_version}, and this runlake knows {FORMAT_VERSION}"
            raise NewerFormatError(f"{found}; update runlake")
        manifest = msgspec.json.decode(content, type=ready(Manifest))
    except (msgspec.MsgspecError, UnicodeError) as error:
        raise CorruptError(f"{place} is no manifest of an export: {error}") from None
    if manifest.format != FORMAT_NAME or manifest.digest != manifest.proper_digest():
        raise CorruptError(f"{place} is not as the export wrote it: its digest does not fit; export into a new folder")
    return manifest
