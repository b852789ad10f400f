"""``save_code=True``: the script that began the run, or the notebook, kept with it under ``code/``.

A notebook is kept as it stands on the disk when the run ends, since by then it says what was done. Where nobody tells
which file it is, the cells that were run so far are kept as a notebook of their own.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from runlake.sdk.capture.capture import find_checkout
from runlake.sdk.capture.code import FOLDER
from runlake.settings import Settings

SESSION_FILE = f"{FOLDER}/_session_history.ipynb"

_NOTEBOOK_VARIABLES = ("RUNLAKE_NOTEBOOK_NAME", "WANDB_NOTEBOOK_NAME", "JPY_SESSION_NAME")
"""Where a notebook may say what it is called: the user does, or Jupyter."""


def keep_program(write_file: Callable[[str, bytes], None], settings: Settings, cwd: Path) -> Callable[[], None]:
    """Keep the script now; answers what is to be called when the run ends, which keeps a notebook."""
    namespace = _notebook_namespace()
    if namespace is not None:
        return lambda: _keep_notebook(write_file, namespace, cwd)
    main_file = settings.program or getattr(sys.modules.get("__main__"), "__file__", None)
    if main_file is not None:
        _keep_file(write_file, cwd / main_file, cwd)
    return lambda: None


def _keep_file(write_file: Callable[[str, bytes], None], path: Path, cwd: Path) -> bool:
    file = Path(os.path.abspath(path))  # noqa: PTH100 (symbolic links stay as named)
    if not file.is_file():
        return False
    root = find_checkout(cwd) or cwd
    name = file.relative_to(root).as_posix() if file.is_relative_to(root) else file.name
    write_file(f"{FOLDER}/{name}", file.read_bytes())
    return True


def _keep_notebook(write_file: Callable[[str, bytes], None], namespace: Mapping[str, Any], cwd: Path) -> None:
    named = namespace.get("__vsc_ipynb_file__") or next(filter(None, map(os.environ.get, _NOTEBOOK_VARIABLES)), None)
    if named is not None:
        beside = Path(named) if str(named).endswith(".ipynb") else Path(f"{named}.ipynb")
        if _keep_file(write_file, cwd / beside, cwd) or _keep_file(write_file, cwd / beside.name, cwd):
            return
    cells = [
        {"cell_type": "code", "execution_count": number, "metadata": {}, "outputs": [], "source": source}
        for number, source in enumerate(namespace.get("In", []))
        if source
    ]
    notebook = {"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 4}
    write_file(SESSION_FILE, json.dumps(notebook, indent=1).encode("utf-8", "replace"))


def _notebook_namespace() -> Mapping[str, Any] | None:
    """The variables of the notebook; None in a script."""
    ipython = sys.modules.get("IPython")
    shell = None if ipython is None else ipython.get_ipython()
    return None if shell is None else shell.user_ns
