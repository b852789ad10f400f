"""The public face: its names are the truth, and showing it costs little."""

import ast
import inspect
import os
import subprocess
import sys
from pathlib import Path

import pytest

import runlake
from runlake import errors

FACE = Path(runlake.__file__)
HEAVY = (
    "IPython", "PIL", "duckdb", "matplotlib", "numpy", "pandas", "plotly", "polars", "psutil", "pyarrow", "rich",
    "scipy", "sklearn", "sqlalchemy", "torch", "typer", "wandb",
)  # fmt: skip


def public(module):
    return {name for name, value in vars(module).items() if name[0] != "_" and not inspect.ismodule(value)}


def names_for_type_checkers():
    """What the file imports or declares where only a type checker looks."""
    (block,) = (
        node
        for node in ast.parse(FACE.read_text("utf-8")).body
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
    )
    for node in block.body:
        if isinstance(node, ast.ImportFrom):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.AnnAssign):
            yield ast.unparse(node.target)


def in_a_new_process(code):
    environment = {**os.environ, "PYTHONPATH": str(FACE.parents[1])}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


def test_all_is_sorted_and_names_nothing_twice():
    assert sorted(set(runlake.__all__)) == runlake.__all__


def test_all_is_what_dir_says():
    assert dir(runlake) == runlake.__all__


def test_every_name_in_all_is_there_while_a_run_is_active(tmp_path):
    with runlake.init(store=tmp_path, settings={"seal": "off", "silent": True}) as run:
        assert [name for name in runlake.__all__ if not hasattr(runlake, name)] == []
        assert runlake.run is run


def test_nothing_public_is_missing_from_all():
    for_the_file_itself = {"Any", "Session", "TYPE_CHECKING", "annotations"}
    assert public(runlake) - set(runlake.__all__) <= for_the_file_itself


def test_every_error_is_public():
    for_the_file_itself = {"ContextVar", "Iterator", "contextmanager"}
    assert public(errors) - {"warn", "warnings_kept"} - for_the_file_itself <= set(runlake.__all__)


def test_what_is_loaded_late_is_known_to_type_checkers():
    late = set(runlake._LAZY)
    assert late <= set(runlake.__all__)
    assert late <= set(names_for_type_checkers())


def test_importing_loads_nothing_heavy():
    loaded = in_a_new_process("import sys, runlake; print(*{name.partition('.')[0] for name in sys.modules})")
    assert "runlake" in loaded
    assert set(HEAVY).intersection(loaded) == set()


def test_logging_numbers_loads_nothing_heavy_either(tmp_path):
    settings = {"seal": "off", "silent": True, "disable_system": True}
    loaded = in_a_new_process(
        "import sys, runlake\n"
        f"with runlake.init(store={str(tmp_path)!r}, config={{'lr': 0.1}}, settings={settings}) as run:\n"
        "    run.log({'loss': 0.5, 'text': 'a', 'list': [1]})\n"
        "sys.stdout.write(' '.join({name.partition('.')[0] for name in sys.modules}))"
    )
    assert "runlake" in loaded
    assert set(HEAVY).intersection(loaded) == set()


def test_an_unknown_name_is_an_attribute_error_that_names_it():
    with pytest.raises(AttributeError, match=r"^module 'runlake' has no attribute 'lgo'$"):
        _ = runlake.lgo


def test_the_package_says_that_it_is_typed():
    assert (FACE.parent / "py.typed").exists()
