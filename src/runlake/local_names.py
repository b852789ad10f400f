"""Where a run's file goes in a folder of whoever fetches it, and which names are not written there. Pure but for links.

A file of a run is called as somebody has called it, who need not be who fetches it. Two kinds of names are refused,
each by itself, so that all others can be fetched: those that lead out of the folder, and those that a program takes as
an order just because they lie there, without anybody naming them: what version control, shells, editors, debuggers,
package managers and Python itself look for in a folder. Files that somebody must name to run them (``train.py``, a
``Makefile``) are what runs consist of, and are written: who runs code of others trusts them.
"""

from __future__ import annotations

import os
import re
import unicodedata
from pathlib import Path
from typing import NamedTuple

from runlake.errors import UnsafeNameError

_VERSION_CONTROL = frozenset({"git", "hg", "svn", "bzr", "jj"})
_OBEYED = frozenset(
    name
    for names in (
        ".gitmodules .gitconfig .pre-commit-config.yaml .husky",
        ".bashrc .bash_profile .bash_login .bash_logout .bash_aliases .profile .zshrc .zshenv .zprofile .zlogin",
        ".zlogout .login .cshrc .tcshrc .kshrc .inputrc .xprofile .xinitrc .xsession .xsessionrc .pam_environment",
        ".envrc .env .mise.toml mise.toml .mise .tool-versions",
        ".ssh .gnupg .netrc _netrc .aws .kube .docker .config .local .pypirc .npmrc .yarnrc .yarnrc.yml .pnpmfile.cjs",
        ".cargo .mvn .gradle .bundle .gemrc .irbrc .rprofile .renviron .condarc .ipython .jupyter .pythonrc .pdbrc",
        ".vscode .idea .vs .fleet .zed .cursor .claude .mcp.json .devcontainer .devcontainer.json",
        ".exrc .vimrc _vimrc .gvimrc .nvimrc .nvim.lua .lvimrc .dir-locals.el .dir-locals-2.el .emacs .emacs.d",
        ".gdbinit .lldbinit .tmux.conf .screenrc .direnvrc",
        "sitecustomize.py usercustomize.py pyvenv.cfg desktop.ini autorun.inf",
    )
    for name in names.split()
)
_IGNORED_BY_HFS = dict.fromkeys(
    [0x200C, 0x200D, 0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x206A, 0x2070), 0xFEFF, 0xAD, 0x2060]
)
_SHORT_NAME = re.compile(r"\.?([a-z]{1,6})~\d+")
_DEVICE = re.compile(r"(con|prn|aux|nul|conin\$|conout\$|(com|lpt)[0-9¹²³])( *[.:].*| *)")
_FORBIDDEN_ON_WINDOWS = frozenset('<>:"|?*\\')


def why_refused(name: str, *, is_windows: bool = os.name == "nt") -> str | None:
    """What is wrong with the name of a run's file for a folder of its reader; None for one that can be written."""
    if not name or name.startswith("/") or "\0" in name:
        return "it leads out of the folder"
    parts = [part for part in name.split("/") if part not in ("", ".")]
    if not parts or ".." in parts:
        return "it leads out of the folder"
    if any(unicodedata.category(each) in ("Cc", "Cs") for each in name):
        return "it holds control characters"
    if parts[-1].casefold() == "head":  # beside objects and refs it makes a folder a repository, with a configuration
        return "version control runs what is beside it"
    for part in parts:
        if (why := _why_obeyed(part)) is not None:
            return why
        if is_windows and (_FORBIDDEN_ON_WINDOWS.intersection(part) or part[-1] in ". "):
            return "Windows does not take it as it is"
        if is_windows and _DEVICE.fullmatch(part.lower()):
            return "Windows takes it for a device"
    return None


def _why_obeyed(part: str) -> str | None:
    """As disks read it that do not tell case, drop some characters and ends, and know streams and short names."""
    plain = unicodedata.normalize("NFKC", part.translate(_IGNORED_BY_HFS)).casefold()
    plain = plain.partition(":")[0].rstrip(". ") or plain
    for each in plain.split("\\"):
        each = each.rstrip(". ")
        short = _SHORT_NAME.fullmatch(each)
        is_named = each.startswith(".") and each.lstrip(".") in _VERSION_CONTROL
        if is_named or (short is not None and short[1] in _VERSION_CONTROL):
            return "version control runs what is in there"
        if each in _OBEYED:
            return "programs obey a file of that name without being told to"
    return None


def place_below(root: Path, name: str) -> Path:
    """Where a run's file goes below `root`; `UnsafeNameError` when it goes nowhere: see `PlacesBelow`."""
    return PlacesBelow(root, has_many=False).place(name)


class PlacesBelow:
    """Where files go below a folder. Links in it are looked at once for each folder.

    They count as what they lead to: one that leads out of it is not followed, nor one into a folder whose name would be
    refused. Unless it `has_many`, folders are not listed, and each name is asked whether it is a link.
    """

    def __init__(self, root: Path, *, has_many: bool = True) -> None:
        self._root, self._has_many = root, has_many
        self._root_text, self._real_root = os.path.normpath(root), os.path.realpath(root)
        self._folders: dict[str, _Folder] = {}

    def place(self, name: str) -> Path:
        """Where a file of this name goes; `UnsafeNameError` when it goes nowhere."""
        return Path(self.place_text(name))

    def place_text(self, name: str) -> str:
        """The same as text: for who has ten thousand files."""
        why = why_refused(name)
        if why is None:
            place = os.path.normpath(os.path.join(self._root_text, name))  # noqa: PTH118
            folder_text, last = os.path.split(place)
            folder = self._looked_at(folder_text)
            is_link = folder.has_links and os.path.islink(place)  # noqa: PTH114
            if folder.is_itself and not is_link:
                return place
            real = os.path.realpath(place) if is_link else os.path.join(folder.real, last)  # noqa: PTH118
            why = self._why_not_there(real)
            if why is None:
                return place
        raise UnsafeNameError(
            f"the file {name!r} is not written into {str(self._root)!r}: {why}; read it without writing it: "
            f"runlake.Api().run(...).file({name!r}).read()"
        )

    def was_empty(self, folder: str) -> bool:
        """Whether nothing was in a folder, of a place that was asked for, when its links were looked at."""
        return self._looked_at(folder).is_empty

    def _why_not_there(self, real: str) -> str | None:
        relative = Path(real)
        if real == self._real_root or not relative.is_relative_to(self._real_root):
            return f"a link there leads out of {self._root}"
        return why_refused(relative.relative_to(self._real_root).as_posix())

    def _looked_at(self, folder: str) -> _Folder:
        found = self._folders.get(folder)
        if found is None:
            here = folder or "."
            real, inner = os.path.realpath(here), os.path.relpath(here, self._root_text)
            is_itself = real == os.path.normpath(os.path.join(self._real_root, inner))  # noqa: PTH118
            found = _Folder(real, is_itself, *(_links_in(here) if self._has_many else (True, False)))
            self._folders[folder] = found
        return found


class _Folder(NamedTuple):
    """A folder below the root: where it really is, and whether it is where its name says."""

    real: str
    is_itself: bool
    has_links: bool
    is_empty: bool


def _links_in(folder: str) -> tuple[bool, bool]:
    """Whether links are in a folder, and whether nothing is.

    Where there is one each name is asked by itself: the disk may know it by another spelling.
    """
    is_empty = True
    try:
        with os.scandir(folder) as found:
            for each in found:
                is_empty = False
                if each.is_symlink():
                    return True, False
    except (FileNotFoundError, NotADirectoryError):
        return False, True
    except OSError:
        return True, False
    return False, is_empty
