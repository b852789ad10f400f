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
    return PlacesBelow(root).place(name)


class PlacesBelow:
    """Where files go below a folder. Links in it are looked at once for each folder.

    They count as what they lead to: one that leads out of it is not followed, nor one into a folder whose name would be
    refused.
    """

    def __init__(self, root: Path) -> None:
        self._root, self._real_root = root, root.resolve()
        self._real: dict[str, Path] = {}

    def place(self, name: str) -> Path:
        """Where a file of this name goes; `UnsafeNameError` when it goes nowhere."""
        why = why_refused(name)
        if why is None:
            place = Path(os.path.normpath(self._root / name))
            real = self._resolved(place)
            if real == self._real_root or not real.is_relative_to(self._real_root):
                why = f"a link there leads out of {self._root}"
            else:
                why = why_refused(real.relative_to(self._real_root).as_posix())
            if why is None:
                return place
        raise UnsafeNameError(
            f"the file {name!r} is not written into {str(self._root)!r}: {why}; read it without writing it: "
            f"runlake.Api().run(...).file({name!r}).read()"
        )

    def _resolved(self, place: Path) -> Path:
        if place.is_symlink():
            return place.resolve()
        folder, name = os.path.split(place)
        if folder not in self._real:
            self._real[folder] = Path(folder).resolve()
        return self._real[folder] / name
