"""Where a store is, and where its derived files go when it cannot be written."""

from __future__ import annotations

import hashlib
import os
import re
import sys
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import unquote, urlsplit

from runlake.errors import BadValueError, NotSupportedError
from runlake.settings import resolve

_NETWORK_FILE_SYSTEMS = frozenset(
    (
        "nfs",
        "nfs4",
        "cifs",
        "smb3",
        "smbfs",
        "lustre",
        "gpfs",
        "beegfs",
        "ceph",
        "afs",
        "panfs",
        "orangefs",
        "ocfs2",
        "gfs2",
    )
) | frozenset(
    f"fuse.{name}" for name in ("sshfs", "glusterfs", "ceph", "s3fs", "gcsfuse", "rclone", "juicefs", "goofys")
)


def find_store(explicit: str | os.PathLike[str] | None, environ: Mapping[str, str], cwd: Path) -> Path:
    """The folder of the store; it need not exist yet.

    `explicit` (a path or a ``file:`` URL), else what the settings say: ``RUNLAKE_DIR``, the nearest ``.runlake/`` in
    `cwd` and the folders above it, or the user's data folder. `NotSupportedError` for the URL of a server.
    """
    place = "" if explicit is None else os.fspath(explicit)
    if not place:
        return cwd / resolve({}, environ, cwd).store
    # One letter before the colon is a drive of Windows.
    if re.match(r"[A-Za-z][A-Za-z0-9+.-]+:", place):
        place = _path_of_url(place)
    folder = cwd / Path(place).expanduser()
    if folder.exists() and not folder.is_dir():
        raise BadValueError(f"the store {folder} is a file; give the path of a folder")
    return folder


def user_cache_dir(environ: Mapping[str, str], platform: str = sys.platform) -> Path:
    """Where programs keep what they can make again."""
    home = _home(environ)
    if platform == "win32":
        return Path(environ.get("LOCALAPPDATA") or home / "AppData" / "Local") / "Cache"
    if platform == "darwin":
        return home / "Library" / "Caches"
    return Path(environ.get("XDG_CACHE_HOME") or home / ".cache")


def cache_dir_of(root: Path, environ: Mapping[str, str]) -> Path:
    """The folder in the user's cache for what is derived from the store at `root`."""
    digest = hashlib.sha256(os.fsencode(root.absolute())).hexdigest()[:16]
    return user_cache_dir(environ) / "runlake" / f"{root.name.strip('.') or 'store'}-{digest}"


def is_on_network(folder: Path, mount_table: Path = Path("/proc/self/mountinfo")) -> bool:
    """Whether the folder is on a file system shared by hosts; False also where the platform does not tell."""
    try:
        lines = mount_table.read_text("utf-8", "surrogateescape").splitlines()
    except OSError:
        return False
    place = str(folder.absolute())
    best, kind = "", ""
    for line in lines:
        before, _, after = line.partition(" - ")
        fields = before.split()
        if len(fields) < 5 or not after:
            continue
        mount = re.sub(r"\\([0-7]{3})", lambda m: chr(int(m[1], 8)), fields[4])
        if len(mount) >= len(best) and (place == mount or place.startswith(mount.rstrip("/") + "/")):
            best, kind = mount, after.split()[0]
    return kind in _NETWORK_FILE_SYSTEMS


def _home(environ: Mapping[str, str]) -> Path:
    home = environ.get("HOME") or environ.get("USERPROFILE")
    return Path(home) if home else Path.home()


def _path_of_url(place: str) -> str:
    url = urlsplit(place)
    scheme = url.scheme.lower()
    if scheme in ("http", "https"):
        raise NotSupportedError(f"{place} is a server, and here a folder is needed; give the path of one")
    if scheme != "file":
        raise BadValueError(f"{place} is a {scheme}: URL; give the path of a folder")
    path = unquote(url.path)
    return path[1:] if re.match(r"/[A-Za-z]:", path) else path
