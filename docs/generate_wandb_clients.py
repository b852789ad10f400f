"""Write the table of ``guide/wandb-clients.md`` from the tests: ``python docs/generate_wandb_clients.py``.

The tests with the official client are marked with what of it they show to work, or to be refused.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parent.parent
TESTS = ROOT / "tests" / "server" / "official"
PAGE = ROOT / "docs" / "guide" / "wandb-clients.md"
BEGIN = "<!-- made by docs/generate_wandb_clients.py -->\n"


def marked() -> Iterator[tuple[str, str, str]]:
    """(what of the client, works or refused, a remark) of every mark."""
    for file in sorted(TESTS.glob("test_*.py")):
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            if not isinstance(node, ast.FunctionDef):
                continue
            for mark in node.decorator_list:
                if not (isinstance(mark, ast.Call) and isinstance(mark.func, ast.Name)):
                    continue
                if mark.func.id not in ("works", "refused"):
                    continue
                remark = next((ast.literal_eval(word.value) for word in mark.keywords if word.arg == "note"), "")
                for name in mark.args:
                    yield ast.literal_eval(name), mark.func.id, remark


def table() -> str:
    """The members by name, what works before what does not."""
    found: dict[tuple[str, str], list[str]] = {}
    for name, verdict, remark in marked():
        remarks = found.setdefault((name, verdict), [])
        if remark and remark not in remarks:
            remarks.append(remark)
    lines = ["| W&B | Here | |", "| --- | --- | --- |"]
    for (name, verdict), remarks in sorted(found.items(), key=lambda entry: (entry[0][1] == "refused", entry[0][0])):
        word = "works" if verdict == "works" else "does not work" if remarks else "does not work, and says so"
        lines.append(f"| `{name}` | {word} | {'; '.join(remarks)} |")
    return "\n".join(lines) + "\n"


def page() -> str:
    """The page with its table made anew."""
    before, mark, _ = PAGE.read_text("utf-8").partition(BEGIN)
    return before + mark + "\n" + table()


if __name__ == "__main__":
    PAGE.write_text(page(), "utf-8")
