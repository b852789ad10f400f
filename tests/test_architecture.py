"""Imports point down, and the heavy packages stay where they are named."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent / "src" / "runlake"

ALLOWED = {
    "errors": set(),
    "model": {"errors"},
    "clean_text": set(),
    "local_names": {"errors"},
    "plain": set(),
    "stopping": set(),
    "near": set(),
    "values": {"errors", "model", "plain"},
    "settings": {"errors", "model"},
    "credentials": {"errors"},
    "names": set(),
    "sweep_model": set(),
    "store": {"errors", "model", "near", "stopping", "values", "settings", "sweep_model"},
    "search": {"errors", "model", "near", "plain", "values"},
    "query": {"errors", "model", "near", "stopping", "values", "store"},
    "service": {
        "clean_text",
        "errors",
        "near",
        "stopping",
        "credentials",
        "model",
        "sweep_model",
        "names",
        "values",
        "settings",
        "store",
        "query",
        "search",
    },
    "sdk": {
        "clean_text",
        "errors",
        "credentials",
        "local_names",
        "model",
        "names",
        "plain",
        "values",
        "settings",
        "store",
        "media",
    },
    "api": {
        "clean_text",
        "local_names",
        "errors",
        "credentials",
        "model",
        "sweep_model",
        "values",
        "settings",
        "query",
        "search",
        "service",
        "media",
    },
    "media": {"errors", "model", "values"},
    "plot": {"errors", "values", "media"},
    # An agent's commands find what `runlake exec` gives: their programs say `import wandb`.
    "sweeps": {"errors", "model", "plain", "sweep_model", "settings", "store", "search", "service", "sdk", "compat"},
    "integrations": {"errors", "model", "values", "sdk", "media", "plot"},
    "compat": {"errors", "credentials", "settings", "media", "sdk"},
    "server": {
        "clean_text",
        "errors",
        "model",
        "stopping",
        "sweep_model",
        "names",
        "values",
        "settings",
        "search",
        "query",
        "service",
    },
    "ship": {"clean_text", "errors", "credentials", "model", "values", "settings", "store", "media", "sdk", "service"},
    "cli": {
        "clean_text",
        "local_names",
        "errors",
        "credentials",
        "model",
        "sweep_model",
        "values",
        "settings",
        "query",
        "service",
        "api",
        "sweeps",
        "compat",
        "server",
        "ship",
    },
    "__init__": {"errors", "settings", "sdk", "api", "media", "plot", "sweeps", "compat"},
    "__main__": {"cli"},
}


def modules():
    return sorted(p for p in ROOT.rglob("*.py") if "wandb_package" not in p.parts)


def room(path):
    """The room of a file. Of the SDK, only what ships runs (``sdk/ship*.py``) knows the service."""
    parts = path.relative_to(ROOT).parts
    return "ship" if parts[0] == "sdk" and parts[-1].startswith("ship") else parts[0].removesuffix(".py")


def imported_rooms(path):
    """Each room of ours that the file imports, type-checking blocks and function bodies included."""
    for node in ast.walk(ast.parse(path.read_text())):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative imports hide the direction"
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        for name in names:
            parts = name.split(".")
            if parts[:2] == ["runlake", "sdk"] and len(parts) > 2 and parts[2].startswith("ship"):
                yield "ship"
            elif parts[0] == "runlake":
                yield parts[1] if len(parts) > 1 else "__init__"


@pytest.mark.parametrize("path", modules(), ids=lambda p: str(p.relative_to(ROOT)))
def test_imports_point_down(path):
    own = room(path)
    wrong = {r for r in imported_rooms(path) if r != own and r not in ALLOWED[own] | {"version"}}
    assert not wrong, f"{own} may not import {wrong}"
