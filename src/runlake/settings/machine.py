"""Defaults that depend on the machine and the user."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path

SETTINGS_FILE = "settings.toml"
_FORBIDDEN_IN_ENTITIES = set('/\\#?%:*"<>|')


def data_dir(environ: Mapping[str, str]) -> Path:
    """The store of last resort: the user's own data folder."""
    home = home_of(environ)
    if sys.platform == "win32":
        return Path(environ.get("LOCALAPPDATA") or home / "AppData" / "Local") / "runlake"
    if sys.platform == "darwin":
        return home / "Library" / "Application Support" / "runlake"
    return Path(environ.get("XDG_DATA_HOME") or home / ".local" / "share") / "runlake"


def user_settings_file(environ: Mapping[str, str]) -> Path:
    """The user's own settings file, which need not be there."""
    home = home_of(environ)
    if sys.platform == "win32":
        return Path(environ.get("APPDATA") or home / "AppData" / "Roaming") / "runlake" / SETTINGS_FILE
    return Path(environ.get("XDG_CONFIG_HOME") or home / ".config") / "runlake" / SETTINGS_FILE


def login_name(environ: Mapping[str, str]) -> str:
    """Who is logged in, from the variables that login sets, else from the account's number."""
    for variable in ("LOGNAME", "USER", "LNAME", "USERNAME"):
        if environ.get(variable):
            return environ[variable]
    if sys.platform == "win32":
        return "user"
    import pwd

    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:  # containers often run under a number that no account has
        return f"user-{os.getuid()}"


def default_entity(environ: Mapping[str, str]) -> str:
    """Whose runs they are, where nothing says so: the login name, without what a path cannot have."""
    name = "".join("-" if c in _FORBIDDEN_IN_ENTITIES or ord(c) < 32 else c for c in login_name(environ)).strip()
    return name[:128] if name.strip(".") else "user"


def host_name(environ: Mapping[str, str]) -> str:
    """What the machine is called."""
    if sys.platform == "win32":
        return environ.get("COMPUTERNAME") or "localhost"
    return os.uname().nodename or "localhost"


def home_of(environ: Mapping[str, str]) -> Path:
    """The user's home, or the root where there is none."""
    home = environ.get("USERPROFILE" if sys.platform == "win32" else "HOME")
    if home:
        return Path(home)
    try:
        return Path.home()
    except RuntimeError:  # no HOME and no account: what is written then lives as long as the machine
        return Path("/")
