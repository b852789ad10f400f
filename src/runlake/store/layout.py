"""The paths inside a store folder, nothing else.

::

    STORE/
      store.toml                              format version, id
      <entity>/<project>/
        changes/                              an empty file per init, finish, edit, seal, delete (store.changes)
        runs/<run id>/
          id                                  the name as text, in every folder that is named by a hash
          incarnation                         which life of the run id this is (store.incarnation)
          journal/<writer>-<nnn>.part         frames (store.journal.record)
          segments/<name>.parquet, .meta      sealed records (store.segment)
          files/<path as the user named it>
          artifacts/<relation>-<artifact id>.json  what the run logged and used (store.artifacts.lineage)
          artifacts/sent-<relation>-<id>.json      what a server has of it (store.artifacts.sent)
        merged/<name>.parquet, .runs          sealed rows of many small runs (store.compact.packed_file)
        sweeps/<sweep id>/
          id                                  as of runs
          ledger/<number>.json                what was decided, one after the other (store.ledger)
          agents/<agent id>.json              what each agent last said
        artifacts/<collection>/
          id                                  as of runs
          ledger/<number>.json                versions, aliases, edits, one after the other (store.artifacts.fold)
          manifests/<artifact id>.jsonl       what a version is made of (store.artifacts.manifest)
          drafts/<artifact id>.json, .received  what is not committed yet (store.artifacts.drafts)
          uses/<artifact id>-<hash>.json      which runs used it (store.artifacts.lineage)
          links/<artifact id>-<hash>.json     to which portfolios it was linked (store.artifacts.linked)
        views/<view id>.json                  documents that programs put beside the runs (store.views)
        resume-<program>                      the run that this program goes on with by ``resume="auto"``, until it ends
                                              well (sdk.process.session)
      artifacts/
        content/<2 digits>/<sha256>           the bytes of artifacts, each once (store.artifacts.content)
        aside/<sha256>                        those that ``gc`` is about to remove (store.artifacts.garbage)
        ids/<artifact id>                     the collection that an artifact is of
      .trash/                                 deleted runs
      .exports/<hash>/                        derived: what a server hands out of one run, whose path is in ``run``
      .catalog/                               derived: delete it and it comes back (store.catalog)

Entities, projects and run ids are percent-encoded into folder names. A name with upper-case letters gets a suffix
``~<hex>`` that says which letters they are, so that names that differ only in case stay apart on disks that do not
tell case; a name of more than 200 bytes is cut and hashed.
"""

from __future__ import annotations

import posixpath
import re
from pathlib import Path
from typing import TYPE_CHECKING, Self

from runlake.errors import PathError
from runlake.model import RunPath
from runlake.store.disk import TEMPORARY_PREFIX
from runlake.store.tree import DISK_TREE, Tree

if TYPE_CHECKING:  # the training process does without them
    from runlake.artifact_model import CollectionPath
    from runlake.sweep_model import SweepPath

_SAFE = frozenset(b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.+=,@ ")
_UNSAFE_IN_FILE_NAMES = frozenset('<>:"|?*\\%') | {chr(i) for i in range(32)} | {"\x7f"}
_FORBIDDEN_IN_NAMES = frozenset("/\\#?%:") | {chr(i) for i in range(32)} | {"\x7f"}
_DEVICES = frozenset({"con", "prn", "aux", "nul"} | {f"{d}{i}" for d in ("com", "lpt") for i in range(1, 10)})
_NAMES_IN_ROOT = frozenset({"store.toml", "artifacts", "sweeps", "server.sqlite", "catalog.sqlite"})
_HASH_MARK = "%~"
COLLECTION_FOLDERS = ("ledger", "manifests", "drafts", "uses")
"""What every collection has; ``links`` is made when there is one."""
_MAX_ENCODED_BYTES = 200
_PLAIN_NAME = re.compile(r"[a-z0-9_-]{1,200}")
MAX_NAME_LENGTH = 1024


class Layout:
    """Where everything of one store is; creates nothing, except where a method says so, and then in `tree`."""

    def __init__(self, root: Path, tree: Tree = DISK_TREE) -> None:
        self.root, self.tree = root, tree

    @classmethod
    def around(cls, run_dir: Path) -> Self:
        """The store in which the folder of a run lies, as a process is told of it that works on one run."""
        return cls(run_dir.parent.parent.parent.parent)

    @property
    def trash_dir(self) -> Path:
        return self.root / ".trash"

    @property
    def exports_dir(self) -> Path:
        return self.root / ".exports"

    def project_dir(self, entity: str, project: str) -> Path:
        return self._below(entity, project)

    def _below(self, entity: str, project: str, *names: str) -> Path:
        """Joined at once: each step of a path costs as much as all of them."""
        return self.root.joinpath(_entity_name(entity), encode_name(project), *names)

    def changes_dir(self, entity: str, project: str) -> Path:
        return self._below(entity, project, "changes")

    def runs_dir(self, entity: str, project: str) -> Path:
        return self._below(entity, project, "runs")

    def merged_dir(self, entity: str, project: str) -> Path:
        return self.project_dir(entity, project) / "merged"

    @property
    def content_dir(self) -> Path:
        """The bytes of artifacts of the whole store."""
        return self.root / "artifacts" / "content"

    @property
    def content_aside_dir(self) -> Path:
        """Contents that ``gc`` is about to remove."""
        return self.root / "artifacts" / "aside"

    @property
    def artifact_ids_dir(self) -> Path:
        return self.root / "artifacts" / "ids"

    def collections_dir(self, entity: str, project: str) -> Path:
        return self.project_dir(entity, project) / "artifacts"

    def collection_dir(self, path: CollectionPath) -> Path:
        return self.collections_dir(path.entity, path.project) / encode_name(path.name)

    def views_dir(self, entity: str, project: str) -> Path:
        return self.project_dir(entity, project) / "views"

    def sweeps_dir(self, entity: str, project: str) -> Path:
        return self.project_dir(entity, project) / "sweeps"

    def sweep_dir(self, path: SweepPath) -> Path:
        return self.sweeps_dir(path.entity, path.project) / encode_name(path.sweep_id)

    def run_dir(self, path: RunPath) -> Path:
        return self._of_run(path)

    def _of_run(self, path: RunPath, *names: str) -> Path:
        return self._below(path.entity, path.project, "runs", encode_name(path.run_id), *names)

    def journal_dir(self, path: RunPath) -> Path:
        return self._of_run(path, "journal")

    def segments_dir(self, path: RunPath) -> Path:
        return self._of_run(path, "segments")

    def files_dir(self, path: RunPath) -> Path:
        return self._of_run(path, "files")

    def file_path(self, path: RunPath, name: str) -> Path:
        """Where the run's file `name` is kept; `PathError` for a name that leaves the folder."""
        return self.files_dir(path).joinpath(*map(encode_file_part, check_file_name(name).split("/")))

    def entities(self) -> list[str]:
        """The entities on disk, sorted."""
        return sorted(self._names_in(self.root))

    def projects(self, entity: str) -> list[str]:
        """The entity's projects on disk, sorted."""
        return sorted(self._names_in(self.root / _entity_name(entity)))

    def run_ids(self, entity: str, project: str) -> list[str]:
        """The project's runs on disk, in no order."""
        return self._names_in(self.runs_dir(entity, project))

    def sweep_ids(self, entity: str, project: str) -> list[str]:
        """The project's sweeps on disk, sorted."""
        return sorted(self._names_in(self.sweeps_dir(entity, project)))

    def collection_names(self, entity: str, project: str) -> list[str]:
        """The project's collections of artifacts on disk, sorted."""
        return sorted(self._names_in(self.collections_dir(entity, project)))

    def run_path_of(self, run_dir: Path) -> RunPath:
        """The path of the run that lives in a folder; the inverse of `run_dir`."""
        project_dir = run_dir.parent.parent
        return RunPath(*map(self._name_of, (project_dir.parent, project_dir, run_dir)))

    def make_project_dir(self, entity: str, project: str) -> None:
        """Create the project's folders; ones that exist are left as they are."""
        check_run_path(RunPath(entity, project, "any"))
        self.tree.make_folder(self.runs_dir(entity, project))
        project_dir = self.project_dir(entity, project)
        self._write_id(project_dir.parent, entity)
        self._write_id(project_dir, project)

    def make_run_dir(self, path: RunPath, *, at: Path | None = None) -> None:
        """Create the run's folders; ones that exist are left as they are.

        `at` is another place, to be renamed when the run is whole.
        """
        check_run_path(path)
        self.make_project_dir(path.entity, path.project)
        run_dir = at or self.run_dir(path)
        for folder in (run_dir / "journal", run_dir / "files"):
            self.tree.make_folder(folder)
        self._write_id(run_dir, path.run_id, self.run_dir(path).name)

    def make_sweep_dir(self, path: SweepPath) -> Path:
        """Create the sweep's folders; ones that exist are left as they are."""
        check_run_path(RunPath(*path))
        self.make_project_dir(path.entity, path.project)
        sweep_dir = self.sweep_dir(path)
        for folder in (sweep_dir / "ledger", sweep_dir / "agents"):
            self.tree.make_folder(folder)
        self._write_id(sweep_dir, path.sweep_id)
        return sweep_dir

    def make_collection_dir(self, path: CollectionPath) -> Path:
        """Create the collection's folders; ones that exist are left as they are."""
        self.make_project_dir(path.entity, path.project)
        collection_dir = self.collection_dir(path)
        for folder in COLLECTION_FOLDERS:
            self.tree.make_folder(collection_dir / folder)
        self._write_id(collection_dir, path.name)
        return collection_dir

    def write_id(self, folder: Path, name: str) -> None:
        """Say in a folder what it stands for, where its own name is a hash."""
        if _HASH_MARK in folder.name:
            self.tree.replace(folder / "id", name.encode())

    def make_file_folders(self, path: RunPath, name: str) -> Path:
        """Create the folders above the run's file `name`, and say where it goes.

        FileNotFoundError when there is no such run: a file of a deleted one must not bring its folder back.
        """
        file, root = self.file_path(path, name), self.files_dir(path)
        for folder in reversed([folder for folder in file.parents if folder.is_relative_to(root)]):
            self.tree.make_subfolder(folder)
        return file

    def _name_of(self, folder: Path) -> str:
        """What a folder stands for. FileNotFoundError when its name is none, or a hash, and it does not say of what."""
        if "%" not in folder.name and folder.name.isascii():
            return decode_name(folder.name)
        try:
            is_hashed = _HASH_MARK in folder.name
            name = self.tree.read(folder / "id").decode() if is_hashed else decode_name(folder.name)
            name.encode()
            is_name = encode_name(name) == folder.name if is_hashed else not _FORBIDDEN_IN_NAMES.intersection(name)
        except (ValueError, IsADirectoryError, NotADirectoryError):
            is_name = False
        if not is_name:
            raise FileNotFoundError(f"{folder} does not say what it stands for")
        return name

    def _names_in(self, parent: Path) -> list[str]:
        names = []
        for name in self.tree.list_folders(parent):
            if "%" not in name and name.isascii():  # nearly all: no path need be made for them
                names.append(decode_name(name) if "~" in name else name)
                continue
            try:
                names.append(self._name_of(parent / name))
            except FileNotFoundError:
                pass  # its maker is about to say what it stands for, or was killed before: nothing is in it yet
        return names

    def _write_id(self, folder: Path, name: str, encoded: str | None = None) -> None:
        if _HASH_MARK in (encoded or folder.name) and self.tree.size_bytes(folder / "id") is None:
            self.tree.replace(folder / "id", name.encode())


def folder_identity(folder: Path) -> tuple[int, int]:
    """Which folder this is, whatever its name. FileNotFoundError when it is gone."""
    return DISK_TREE.identity(folder)


def check_run_path(path: RunPath) -> RunPath:
    """The path itself; `PathError` when a part of it cannot be a name."""
    for word, name, limit in zip(("entity", "project", "run id"), path, (128, 128, MAX_NAME_LENGTH), strict=True):
        if not isinstance(name, str):
            raise PathError(f"the {word} must be a string, not {name!r}")
        bad = sorted(_FORBIDDEN_IN_NAMES.intersection(name))
        if bad or name.strip() in ("", ".", ".."):
            why = f"holds {', '.join(map(repr, bad))}" if bad else "is empty or only dots"
            raise PathError(f"the {word} {name[:80]!r} {why}; use letters, digits, dashes, dots, underscores")
        if len(name) > limit:
            raise PathError(f"the {word} {name[:40]!r}... has {len(name)} characters; {limit} are possible")
        try:
            name.encode()
        except UnicodeEncodeError:
            raise PathError(f"the {word} {name[:80]!r} is not valid Unicode text") from None
    return path


def check_file_name(name: str) -> str:
    """A run file's name in its normal form (``./a//b`` is ``a/b``); `PathError` when it leaves the run's folder."""
    normal = posixpath.normpath(name) if isinstance(name, str) and name else ""
    parts = normal.split("/")
    try:
        normal.encode()
    except UnicodeEncodeError:
        raise PathError(f"the file name {name[:80]!r} is not valid Unicode text") from None
    if not normal or normal == "." or "\0" in normal or normal.startswith("/") or ".." in parts:
        raise PathError(
            f"{name!r} cannot be the name of a run's file: use a relative path inside the run, like a/b.txt"
        )
    if len(normal) > MAX_NAME_LENGTH or any(len(encode_file_part(p).encode()) > 255 for p in parts):
        raise PathError(f"the file name {name[:80]!r}... is too long for a disk")
    return normal


def _entity_name(entity: str) -> str:
    encoded = encode_name(entity)
    return f"%{ord(encoded[0]):02X}{encoded[1:]}" if encoded in _NAMES_IN_ROOT else encoded


def encode_name(name: str) -> str:
    """An entity, project or run id as a folder name; see the module's docstring. `PathError` for no name at all: that
    would be the folder around it."""
    if _PLAIN_NAME.fullmatch(name) and name not in _DEVICES:
        return name
    if not name:
        raise PathError("a name of an entity, project or run is empty; leave it out, or say which one is meant")
    encoded = "".join(chr(b) if b in _SAFE else f"%{b:02X}" for b in name.encode("utf-8", "surrogatepass"))
    encoded = _guard_ends(encoded)
    case = sum(1 << i for i, letter in enumerate(name) if letter.isascii() and letter.isupper())
    if case:
        encoded += f"~{case:x}"
    if len(encoded) > _MAX_ENCODED_BYTES:
        import hashlib  # OpenSSL would be 2 ms and 3 MB of every training process, and names so long are rare

        digest = hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()
        return encoded[:100].rstrip("%").lower() + _HASH_MARK + digest[:40]
    return encoded


def decode_name(encoded: str) -> str:
    """The name a folder stands for; the inverse of `encode_name`, except for hashed names."""
    name = encoded.partition("~")[0]
    return _unquote(name) if "%" in name else name


def encode_file_part(part: str) -> str:
    """One part of a run file's name as it is on disk: as the user named it, wherever a disk allows that."""
    encoded = "".join(f"%{ord(c):02X}" if c in _UNSAFE_IN_FILE_NAMES else c for c in part)
    if encoded.startswith(TEMPORARY_PREFIX) or encoded.partition(".")[0].rstrip().lower() in _DEVICES:
        encoded = f"%{ord(encoded[0]):02X}{encoded[1:]}"
    if encoded[-1] in ". ":
        encoded = encoded[:-1] + f"%{ord(encoded[-1]):02X}"
    return encoded


def decode_file_part(encoded: str) -> str:
    """The inverse of `encode_file_part`."""
    return _unquote(encoded) if "%" in encoded else encoded


def _unquote(encoded: str) -> str:
    """Percent-decoding of UTF-8. The standard one is not used: urllib takes a quarter of our import time."""
    raw = re.sub(rb"%([0-9A-Fa-f]{2})", _byte_of, encoded.encode("utf-8", "surrogatepass"))
    return raw.decode("utf-8", "surrogatepass")


def _byte_of(match: re.Match[bytes]) -> bytes:
    return bytes.fromhex(match[1].decode())


def _guard_ends(encoded: str) -> str:
    """Names that a disk would hide, cut or take for a device get their first or last letter encoded."""
    if encoded.startswith(".") or encoded.partition(".")[0].rstrip().lower() in _DEVICES:
        encoded = f"%{ord(encoded[0]):02X}{encoded[1:]}"
    if encoded[-1:] in (".", " "):
        encoded = f"{encoded[:-1]}%{ord(encoded[-1]):02X}"
    return encoded


def ids_of(run_id: str, incarnation: str) -> list[str]:
    """The ids that a run of this id may have in a store where it was taken: the first that is free, and for good."""
    endings = (f"-{incarnation[:8]}", f"-{incarnation}")
    return [run_id, *(run_id[: MAX_NAME_LENGTH - len(ending)] + ending for ending in endings)]


def ids_before(run_id: str, incarnation: str) -> list[str]:
    """The ids that a run had elsewhere, when it has this one because that one was taken here."""
    endings = (f"-{incarnation[:8]}", f"-{incarnation}")
    return [run_id.removesuffix(ending) for ending in endings if run_id.endswith(ending) and run_id != ending]
