"""API keys of servers, where such tools keep them: in netrc, one entry a host.

Hosts are named with their port where it is not the usual one, as wandb's client does, so either finds what the other
has written; an entry without a port counts for all of a host that have none of their own.

The file belongs to the user: other entries, comments and macros in it stay as they are, byte for byte.
"""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

from runlake.errors import BadValueError

LOGIN = "user"
"""What stands in the place of a user's name: the key says who it is."""

_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|\S+')


class _Entry(NamedTuple):
    """One `machine` of a netrc file: `start` and `end` are where it stands in the text."""

    host: str
    password: str | None
    start: int
    end: int


def host_of(base_url: str) -> str:
    """The host of a server's address, with the port when one is named; `BadValueError` for what is no http address."""
    try:
        parts = urlsplit(base_url)
        port = parts.port
    except ValueError:
        parts, port = urlsplit(""), None
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise BadValueError(f"{base_url!r} is no address of a server; write it as in https://runs.example.com")
    name = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    return name if port is None else f"{name}:{port}"


def netrc_path(environ: Mapping[str, str]) -> Path:
    """The netrc file: what ``NETRC`` names, else the one in the user's home."""
    if environ.get("NETRC"):
        return Path(environ["NETRC"]).expanduser()
    home = Path(environ.get("HOME") or environ.get("USERPROFILE") or Path.home())
    windows = home / "_netrc"
    return windows if os.name == "nt" and windows.exists() else home / ".netrc"


def find_key(base_url: str, environ: Mapping[str, str]) -> str | None:
    """The key for the server at `base_url`: ``RUNLAKE_API_KEY``, else ``WANDB_API_KEY``, else its host's in netrc.

    ``WANDB_API_KEY`` is passed over while ``WANDB_BASE_URL`` names another host: it is a key of that one.
    """
    host = host_of(base_url)
    if environ.get("RUNLAKE_API_KEY"):
        return environ["RUNLAKE_API_KEY"]
    wandb_url = environ.get("WANDB_BASE_URL")
    if environ.get("WANDB_API_KEY") and (not wandb_url or host_of(wandb_url) == host):
        return environ["WANDB_API_KEY"]
    entries = list(_entries(_read(netrc_path(environ))))
    name = urlsplit(base_url).hostname
    found = [entry.password for wanted in (host, name) for entry in entries if entry.host == wanted]
    return found[0] if found else None


def keep_key(base_url: str, key: str, environ: Mapping[str, str]) -> Path:
    """Write the key into netrc in the place of an older one for this host; answers the file.

    The file is readable for its owner only, afterwards.
    """
    host, path = host_of(base_url), netrc_path(environ)
    if not re.fullmatch(r"[\x21-\x7e]+", key):
        raise BadValueError("the key holds blanks or characters that are not ASCII; paste it again")
    text = _read(path)
    entry = f"machine {host}\n  login {LOGIN}\n  password {key}"
    places = [(found.start, found.end) for found in _entries(text) if found.host == host]
    if places:
        (start, end), *others = places
        for further_start, further_end in reversed(others):
            text = _without(text, further_start, further_end)
        text = text[:start] + entry + text[end:]
    else:
        # `default` is the last entry that is looked at, so a new one goes to the top.
        text = f"{entry}\n{text}"
    _write(path, text)
    return path


def forget_key(base_url: str, environ: Mapping[str, str]) -> bool:
    """Take the host's entries out of netrc; False when there was none."""
    host, path = host_of(base_url), netrc_path(environ)
    text = _read(path)
    places = [(found.start, found.end) for found in _entries(text) if found.host == host]
    for start, end in reversed(places):
        text = _without(text, start, end)
    if places:
        _write(path, text)
    return bool(places)


def _entries(text: str) -> Iterator[_Entry]:
    """Every `machine` of the text; what cannot be read is passed over, as other readers of the file do."""
    position = 0
    while match := _TOKEN.search(text, position):
        position = match.end()
        word = match[0]
        if word.startswith("#"):
            position = _end_of_line(text, match.start())
        elif word == "macdef":
            blank = re.compile(r"\n[ \t]*\n").search(text, position)
            position = blank.end() if blank else len(text)
        elif word == "machine" and (name := _TOKEN.search(text, position)):
            end, password = _fields(text, name.end())
            yield _Entry(_unquoted(name[0]), password, match.start(), end)
            position = end


def _fields(text: str, position: int) -> tuple[int, str | None]:
    """Where the fields that begin at `position` end, and the password among them."""
    password = None
    while (
        (name := _TOKEN.search(text, position))
        and name[0] in ("login", "user", "account", "password")
        and (value := _TOKEN.search(text, name.end()))
    ):
        position = value.end()
        if name[0] == "password":
            password = _unquoted(value[0])
    return position, password


def _unquoted(word: str) -> str:
    return re.sub(r"\\(.)", r"\1", word[1:-1] if len(word) > 1 and word[0] == word[-1] == '"' else word)


def _end_of_line(text: str, position: int) -> int:
    end = text.find("\n", position)
    return len(text) if end < 0 else end


def _without(text: str, start: int, end: int) -> str:
    """The text without an entry and the rest of its last line, when that is blank."""
    rest = re.compile(r"[ \t]*(?:\r?\n|$)").match(text, end)
    return text[:start] + text[rest.end() if rest else end :]


def _read(path: Path) -> str:
    try:
        # Bytes that are no text must come back as they were.
        return path.read_bytes().decode("utf-8", "surrogateescape")
    except FileNotFoundError:
        return ""
    except OSError as error:
        raise BadValueError(f"{path}, where keys of servers are kept, cannot be read: {error.strerror}") from None


def _write(path: Path, text: str) -> None:
    place = path.resolve()  # a link, as those who keep such files in git have, stays one
    place.parent.mkdir(parents=True, exist_ok=True)
    number, name = tempfile.mkstemp(dir=place.parent, prefix=".netrc-")
    temporary = Path(name)
    try:
        with os.fdopen(number, "wb") as file:  # mkstemp made it for its owner only
            file.write(text.encode("utf-8", "surrogateescape"))
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(place)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
