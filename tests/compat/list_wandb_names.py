"""Writes down which modules the official client has and which names each offers: `compat/wandb_names.txt`.

    .venv/wandb/bin/python tests/compat/list_wandb_names.py

It reads the sources without running them, so that modules which need other libraries are listed too.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from textwrap import fill

LIST = Path(__file__).parents[2] / "src" / "runlake" / "compat" / "wandb_names.txt"
INNER = ("wandb.bin", "wandb.cli", "wandb.mpmain", "wandb.proto", "wandb.vendor")
"""The client's machinery: nothing that scripts import from."""
SHALLOW = ("wandb.sdk.launch", "wandb.sdk.sweeps")
"""Of these only the package itself is listed: what lies below is for W&B's own servers."""


def modules(folder: Path) -> Iterator[tuple[str, Path]]:
    for path in sorted(folder.rglob("*.py")):
        parts = ["wandb", *path.relative_to(folder).with_suffix("").parts]
        name = ".".join(parts).removesuffix(".__init__")
        is_private = any(part.startswith("_") for part in name.split("."))
        if not is_private and not name.startswith(INNER) and not name.startswith(tuple(f"{s}." for s in SHALLOW)):
            yield name, path


def names(body: list[ast.stmt], *, takes_over: bool) -> Iterator[str]:
    """What a module defines; where it is there to be imported from, what it `takes_over` from others of the package."""
    for node in body:
        match node:
            case ast.ClassDef() | ast.FunctionDef() | ast.AsyncFunctionDef():
                yield node.name
            case ast.Assign():
                for target in node.targets:
                    yield from (n.id for n in ast.walk(target) if isinstance(n, ast.Name))
            case ast.AnnAssign(target=ast.Name()):
                yield node.target.id
            case ast.ImportFrom() if node.level or (node.module or "").partition(".")[0] == "wandb":
                taken = [alias.asname or alias.name for alias in node.names]
                yield from (name for name in taken if takes_over or name.endswith("Error"))
            case ast.If() if "TYPE_CHECKING" not in ast.unparse(node.test):
                yield from names(node.body + node.orelse, takes_over=takes_over)
            case ast.Try():
                yield from names(node.body, takes_over=takes_over)


def listed() -> str:
    folder = Path(find_spec("wandb").origin).parent
    lines = []
    for module, path in modules(folder):
        is_front = path.name == "__init__.py" or path.parent == folder
        found = set(names(ast.parse(path.read_text("utf-8")).body, takes_over=is_front))
        found = sorted(name for name in found if name[0] not in "_*" and name != "logger")
        lines.append(fill(" ".join([module, *found]), 119, subsequent_indent=" ", break_long_words=False))
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    if sys.argv[1:] == ["--print"]:
        sys.stdout.write(listed())
    else:
        LIST.write_text(listed(), encoding="utf-8")
