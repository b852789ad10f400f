"""Imports point down, no files import each other in a circle, and every file has a room of its own."""

import ast
import functools
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent / "src" / "runlake"

MODEL = {"errors", "model"}
MODELS = {*MODEL, "artifact_model", "listing_model", "sweep_model", "view_model"}

# The whole of a store, and the one in a folder: above the seams, below all who read and write runs.
WHOLE = {"store.store", "store.noting", "store.folder_store"}

STORE = {
    "store": {*MODELS, "incoming", "lru", "md5", "near", "settings", "values"},
    "store.journal": {*MODEL, "store", "values"},
    "store.segment": {*MODEL, "store", "store.journal", "values"},
    "store.store": {"model", "store", "store.journal", "store.segment"},
    "store.noting": {*MODEL, "store", "store.store"},
    "store.folder_store": {"model", "store", "store.store", "store.journal", "store.segment"},
    "store.run": {*MODEL, "lru", "store", "store.journal", "store.segment", "values", *WHOLE},
    "store.catalog": {*MODEL, "listing_model", "store", "store.journal", "store.run", "values", "store.folder_store"},
    "store.compact": {
        *MODEL, "lru", "store", "store.catalog", "store.journal", "store.run", "store.segment", "values", *WHOLE,
    },
    "store.opening": {
        *MODEL, "artifact_model", "store", "store.journal", "store.run", "store.segment", "values", *WHOLE,
    },
    "store.ingest": {
        *MODEL, "differences", "lru", "store", "store.journal", "store.run", "store.segment", "store.opening", "values",
        *WHOLE,
    },
    "store.cluster": {
        *MODEL, "artifact_model", "incoming", "listing_model", "lru", "md5", "patient_postgres", "store",
        "store.artifacts", "store.catalog", "store.compact", "store.journal", "store.run", "store.segment", "values",
        *WHOLE,
    },
    "store.lake": {*MODEL, "store", "store.cluster", "store.compact", "store.run", "store.segment"},
    "store.sweeps": {*MODELS, "store", "store.opening", "values"},
    "store.artifacts": {
        *MODEL, "artifact_model", "incoming", "md5", "near", "store", "store.journal", "store.opening", "values",
    },
    "store.care": {
        *MODEL, "artifact_model", "store", "store.artifacts", "store.catalog", "store.compact", "store.journal",
        "store.opening", "store.run", "store.segment", "store.sweeps", "values", *WHOLE,
    },
    "store.move": {
        *MODEL, "artifact_model", "store", "store.artifacts", "store.compact", "store.journal", "store.run",
        "store.segment", *WHOLE,
    },
    "store.merge": {
        *MODELS, "store", "store.artifacts", "store.journal", "store.opening", "store.run", "store.segment",
        "store.sweeps", "values", *WHOLE,
    },
}  # fmt: skip
QUERY = {
    "query.runs": {*MODEL, "listing_model", "lru", "near", "stopping", "store", "store.catalog", "values"},
    "query.rows": {
        *MODEL, "listing_model", "lru", "query.runs", "query.tiles", "stopping", "store", "store.catalog",
        "store.journal", "store.run", "store.segment", "values", "store.store",
    },
    "query.tiles": {"errors", "model", "store"},
    "query.many": {
        *MODEL, "lru", "query.rows", "stopping", "store", "store.compact", "store.run", "store.segment", "store.store",
    },
}  # fmt: skip
SERVER = {
    "mcp": {
        *MODELS, "api", "clean_text", "comparison", "near", "query.rows", "service.contract", "sql", "stopping",
        "values",
    },
    "server.config": {"errors", "artifact_model"},
    "server.people": {*MODELS, "incoming", "patient_postgres", "service.contract"},
    "server.http": {
        *MODEL, "clean_text", "incoming", "lru", "md5", "stopping", "service.contract", "service.wire", "server.config",
        "server.people",
    },
    "server.context": {"errors", "service.contract", "server.http", "server.people"},
    "server.routes": {
        *MODELS, "stopping", "query.rows", "query.tiles", "service.contract", "service.wire", "server.http",
        "server.people", "sql",
    },
    "server.page": {*MODEL, "server.http", "server.people", "service.contract", "service.wire"},
    "server.wandb": {*MODELS, "differences", "lru", "stopping", "values", "query.rows", "service.contract"},
    "server.wandb.ingest": {*MODEL, "values", "server.wandb"},
    "server.wandb.nodes": {*MODELS, "query.rows", "query.runs", "service.contract", "server.wandb"},
    "server.wandb.mutations": {*MODELS, "md5", "names", "search", "server.wandb", "server.wandb.nodes"},
    "server.wandb.documents": {
        "errors", "clean_text", "lru", "stopping", "values", "server.http", "server.wandb", "server.wandb.nodes",
        "server.wandb.mutations",
    },
    "server.wandb.downloads": {"server.context", "server.http"},
    "server.wandb.artifact_routes": {
        "artifact_model", "errors", "incoming", "md5", "stopping", "service.contract", "server.context", "server.http",
        "server.wandb", "server.wandb.downloads",
    },
    "server.wandb.routes": {
        *MODEL, "service.contract", "server.context", "server.http", "server.people", "server.wandb",
        "server.wandb.artifact_routes", "server.wandb.downloads", "server.wandb.ingest", "server.wandb.documents",
    },
    "server": {
        "errors", "service", "service.contract", "server.config", "server.people", "server.http", "server.context",
        "server.page", "server.routes", "query.tiles", "mcp", "service.wire", "sql",
        "server.wandb", "server.wandb.nodes", "server.wandb.mutations", "server.wandb.documents",
        "server.wandb.routes",
    },
}  # fmt: skip

ALLOWED = {
    "errors": set(),
    "model": {"errors"},
    "clean_text": set(),
    "local_names": {"errors"},
    "patient_postgres": set(),
    "plain": set(),
    "stopping": set(),
    "differences": set(),
    "near": set(),
    "md5": {"errors"},
    "lru": set(),
    "incoming": set(),
    "ready": set(),
    "values": {*MODEL, "plain"},
    "settings": MODEL,
    "credentials": {"errors"},
    "names": set(),
    "sweep_model": set(),
    "artifact_model": {"md5", "model"},
    "view_model": set(),
    "listing_model": set(),
    **STORE,
    "search": {*MODEL, "near", "plain", "values"},
    **QUERY,
    "scheduler": {*MODELS, "names", "query.rows", "search", "store", "store.sweeps"},
    "service.contract": {*MODELS, "incoming", "query.many", "query.rows", "query.tiles"},
    "service.united": {"service.contract"},
    "service.on_first_use": set(),
    "service.local": {
        *MODELS, "incoming", "lru", "names", "near", "stopping", "values", "search", "scheduler", "service.contract",
        "service.on_first_use", "service.united", *STORE,
        *QUERY,
    },
    "service.wire": {
        *MODELS, "clean_text", "values", "query.many", "query.rows", "query.tiles", "service.contract", "store",
        "store.artifacts", "store.ingest",
    },
    "service.remote": {
        *MODELS, "md5", "values", "query.many", "query.rows", "query.runs", "query.tiles", "service.contract",
        "service.wire", "service.on_first_use", "service.united", "store", "store.artifacts", "store.ingest",
    },
    "service.cluster": {
        *MODEL, "artifact_model", "lru", "scheduler", "query.rows", "service.contract", "service.local",
        "service.united", "store", "store.lake", "store.cluster", "store.artifacts", "store.compact",
        "store.folder_store", "store.move", "store.run",
    },
    "service": {
        *MODELS, "credentials", "settings", "service.cluster", "service.contract", "service.local", "service.remote",
        "store", "store.catalog", "store.move", "store.cluster",
    },
    "media": {*MODEL, "values"},
    "plot": {"errors", "media", "values"},
    "sdk": {"clean_text", "errors", "model", "settings"},
    "artifacts": {
        *MODELS, "local_names", "md5", "media", "near", "plain", "sdk", "service.contract", "settings", "store",
        "store.artifacts", "values",
    },
    "sdk.run": {
        "sdk", "sdk.capture",
        *MODELS, "artifacts", "clean_text", "differences", "local_names", "media", "plain", "service",
        "service.contract", "service.local", "settings", "store", "store.artifacts", "store.journal", "store.opening",
        "values", "store.folder_store",
    },
    "sdk.capture": {*MODEL, "sdk", "clean_text", "settings", "store", "values"},
    "sdk.process": {
        *MODEL, "artifact_model", "clean_text", "credentials", "names", "plain", "settings", "values", "sdk",
        "sdk.capture", "sdk.run", "store", "store.artifacts", "store.ingest", "store.journal", "store.opening",
        *WHOLE,
    },
    "ship": {
        *MODEL, "artifact_model", "clean_text", "credentials", "settings", "values", "service", "service.contract",
        "service.remote", "store", "store.artifacts", "store.compact", "store.ingest", "store.journal", "store.opening",
        "store.run", "store.folder_store",
    },
    "bulk": {
        *MODELS, "local_names", "md5", "query.rows", "query.runs", "service.contract", "service.wire", "stopping",
        "store", "store.cluster", "values",
    },
    "comparison": {*MODEL, "clean_text", "near", "plot", "query.tiles", "service.contract", "values"},
    "sql": {
        "errors", "model", "listing_model", "near", "query.many", "query.rows", "service.contract", "stopping",
        "values",
    },
    "api": {
        *MODELS, "artifacts", "bulk", "clean_text", "comparison", "credentials", "differences", "local_names", "md5",
        "media", "near", "plain", "report", "settings", "sql", "values", "search", "service", "service.contract",
        *QUERY,
    },
    "spark": {"errors", "model", "listing_model", "api"},
    "report": {*MODELS, "query.tiles", "service.contract", "service.wire"},
    # An agent's commands find what `runlake exec` gives: their programs say `import wandb`.
    "agents": {
        *MODELS, "compat", "plain", "search", "settings", "service", "service.contract", "sdk", "sdk.process",
        "sdk.run", "store",
    },
    "integrations": {*MODEL, "values", "media", "artifacts", "plot", "sdk.process", "sdk.run"},
    "peers": {"errors"},
    "importers": {
        "errors", "md5", "model", "artifact_model", "sweep_model", "integrations", "media", "peers", "sdk.capture",
        "service", "service.contract", "values",
    },
    "exporters": {
        "errors", "model", "artifact_model", "importers", "integrations", "local_names", "peers", "query.rows",
        "service.contract", "store", "values",
    },
    "compat": {"errors", "artifacts", "credentials", "settings", "media", "sdk", "sdk.process", "sdk.run"},
    **SERVER,
    "cli": {
        *MODELS, "agents", "api", "artifacts", "bulk", "clean_text", "comparison", "compat", "credentials", "exporters",
        "importers", "local_names", "mcp", "md5", "query.rows", "report", "server", "server.config", "server.http",
        "server.page", "server.people", "service", "service.contract", "settings", "ship", "sql", "values",
    },
    "__init__": {
        "errors", "settings", "agents", "api", "artifacts", "compat", "media", "plot", "sdk.process", "sdk.run",
    },
    "__main__": {"cli"},
}  # fmt: skip


def modules():
    return sorted(p for p in ROOT.rglob("*.py") if "wandb_package" not in p.parts)


def name_of(path):
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(("runlake", *(parts[:-1] if parts[-1] == "__init__" else parts)))


NAMES = {name_of(path): path for path in modules()}


def room(name):
    """The room of a module: its folder or folders, as far as the table tells them apart."""
    parts = name.split(".")[1:] or ["__init__"]
    return next((found for n in (3, 2, 1) if (found := ".".join(parts[:n])) in ALLOWED), parts[0])


@functools.cache
def imported(path):
    """The modules of ours that the file imports, type-checking blocks and function bodies included."""
    return frozenset(_imported(path))


def _imported(path):
    for node in ast.walk(ast.parse(path.read_text())):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative imports hide the direction"
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        for name in names:
            if name.partition(".")[0] == "runlake":
                yield name if name in NAMES else name.rpartition(".")[0] or name


@pytest.mark.parametrize("path", modules(), ids=lambda p: str(p.relative_to(ROOT)))
def test_imports_point_down(path):
    own = room(name_of(path))
    wrong = {r for r in map(room, imported(path)) if r != own and r not in ALLOWED[own] | {"version", "ready"}}
    assert not wrong, f"{own} may not import {wrong}"


WRITERS_OF_SEGMENTS = {f"runlake.store.segment.{name}" for name in ("write", "publish")}


def test_only_the_store_imports_what_writes_segments():
    importing = {name for name, path in NAMES.items() if WRITERS_OF_SEGMENTS & imported(path)}
    assert {room(name).partition(".")[0] for name in importing} == {"store"}


def test_the_table_of_rooms_has_no_circle():
    seen = []
    while len(seen) < len(ALLOWED):
        lowest = [own for own, below in ALLOWED.items() if own not in seen and below <= {*seen, "version"}]
        assert lowest, f"rooms that stand on each other: {ALLOWED.keys() - set(seen)}"
        seen += lowest


def test_no_files_import_each_other_in_a_circle():
    left = {name: {d for d in imported(path) if d != name and d in NAMES} for name, path in NAMES.items()}
    while lowest := [name for name, below in left.items() if not below & left.keys()]:
        for name in lowest:
            del left[name]
    assert not left, f"these stand on each other, or on those that do: {sorted(left)}"


CHANGES_THE_DISK = {
    "os": {
        "open",
        "rename",
        "replace",
        "link",
        "unlink",
        "fsync",
        "truncate",
        "ftruncate",
        "utime",
        "mkdir",
        "makedirs",
    },
    "shutil": {"copy", "copy2", "copyfile", "move", "rmtree"},
}  # fmt: skip
METHODS_OF_PATHS = {"unlink", "touch", "mkdir", "rmdir", "write_bytes", "write_text", "hardlink_to", "symlink_to"}


@pytest.mark.parametrize("path", [p for p in modules() if room(name_of(p)).startswith("store")], ids=lambda p: p.name)
def test_the_store_changes_the_disk_in_one_place(path):
    calls = [node.func for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call)]
    found = {
        f"{call.value.id}.{call.attr}" if isinstance(call.value, ast.Name) else call.attr
        for call in calls
        if isinstance(call, ast.Attribute)
        and (
            (call.attr in METHODS_OF_PATHS and not (isinstance(call.value, ast.Name) and call.value.id == "disk"))
            or (isinstance(call.value, ast.Name) and call.attr in CHANGES_THE_DISK.get(call.value.id, ()))
        )
    }
    # What others wrote is opened folder by folder, without following a link; nothing is changed there.
    allowed = {"os.open"} if path.name == "plain_open.py" else set()
    assert path.name == "disk.py" or found <= allowed
