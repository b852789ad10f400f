"""The README runs as it stands, prints what it says, and claims what is so."""

import re
import tomllib

import duckdb
import pytest
from pages import ROOT, blocks, make_desk, run_command, run_python, texts

import runlake

README = (ROOT / "README.md").read_text("utf-8")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
(ID_SHOWN,) = re.findall(r"^(\w{8})  first ", README, re.MULTILINE)


@pytest.fixture(scope="module")
def desk(tmp_path_factory):
    """The folder in which the first block has run, its output, and the run's id. Everything is sealed."""
    folder = make_desk(tmp_path_factory.mktemp("readme"))
    printed = run_python(texts("README.md", "python")[0], folder)
    run_command("runlake seal digits", folder)
    (run_dir,) = (folder / ".runlake" / "ann" / "digits" / "runs").iterdir()
    return folder, printed, run_dir.name


def normal(text, run_id):
    """Without what differs from run to run: the id, times and sizes."""
    text = text.replace(run_id, "ID")
    text = re.sub(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", "WHEN", text)
    text = re.sub(r"\d+\.\d+ KiB", "SIZE", text)
    return re.sub(r" +(\d+\.\d)s", " LONG", text).split()


def test_the_ten_lines_are_ten():
    assert len(texts("README.md", "python")[0].splitlines()) == 10


def test_the_first_block_prints_what_it_says(desk):
    _, printed, _ = desk
    assert printed == texts("README.md", "text")[0]


def test_the_exported_file_is_there(desk):
    folder, _, _ = desk
    lines = (folder / "metrics.csv").read_text("utf-8").splitlines()
    assert (lines[0], len(lines)) == (",_step,_runtime,_timestamp,loss,accuracy", 1001)


def test_the_command_line_prints_what_it_says(desk):
    folder, _, run_id = desk
    session = texts("README.md", "console")[1]
    parts = [part.split("\n", 1) for part in session.split("$ ")[1:]]
    assert [command for command, _ in parts] == ["runlake ls digits", "runlake export digits/ -o all.parquet"]
    for command, shown in parts:
        assert normal(run_command(command, folder), run_id) == normal(shown, ID_SHOWN)


def test_the_store_without_runlake_in_duckdb(desk):
    folder, _, run_id = desk
    (query,) = texts("README.md", "sql")
    with duckdb.connect() as connection:
        connection.execute(f"SET file_search_path = '{folder.as_posix()}'")
        rows = connection.sql(query).fetchall()
    assert rows == [(run_id, "accuracy", 1000, 0.0, 0.999), (run_id, "loss", 1000, 0.001, 1.0)]


def test_the_store_without_runlake_in_polars(desk):
    folder, _, _ = desk
    assert run_python(texts("README.md", "python")[1], folder) == texts("README.md", "text")[-1]


def tree():
    """Each path of the tree in the README, folders with a slash at the end."""
    (text,) = [text for kind, text in blocks("README.md") if kind == "text" and text.startswith(".runlake/\n")]
    parents = {}
    for line in text.splitlines():
        depth = (len(line) - len(line.lstrip())) // 2
        name = re.split(r"\s{2,}", line.strip())[0]
        parents[depth] = name
        yield "".join(parents[level] for level in range(depth)) + name


def test_everything_in_the_tree_is_in_the_store(desk):
    folder, _, run_id = desk
    paths = [path.replace(ID_SHOWN, run_id) for path in tree()]
    missing = [path for path in paths if not list(folder.glob(path.rstrip("/")))]
    assert missing == [f".runlake/ann/digits/runs/{run_id}/journal/*.part"]


def test_nothing_in_the_store_is_left_out_of_the_tree(desk):
    folder, _, run_id = desk
    named = {path.replace(ID_SHOWN, run_id).removesuffix("/") for path in tree()}
    shown = {parent for path in named for parent in (path, *_parents(path))}
    store = folder / ".runlake"
    for place in (store, store / "ann" / "digits", store / "ann" / "digits" / "runs" / run_id):
        entries = {entry.relative_to(folder).as_posix() for entry in place.iterdir()}
        assert {entry for entry in entries if not entry.startswith(".runlake/catalog.sqlite-")} <= shown


def _parents(path):
    parts = path.split("/")
    return ("/".join(parts[:count]) for count in range(1, len(parts)))


def test_every_make_target_is_in_the_makefile():
    targets = set(re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))
    named = set(re.findall(r"make ([\w-]+)(?= |`)", "\n".join(texts("README.md", "console")) + README))
    assert {"demo", "test"} <= named <= targets | {"and"}


def test_the_commands_without_make_do_what_make_does():
    makefile = (ROOT / "Makefile").read_text("utf-8")
    lines = re.findall(r"^> (.*)$", README, re.MULTILINE)
    for line in lines:
        program, *arguments = line.split()
        if program == "python":
            script, _, name = arguments
            assert (ROOT / script).is_file()
            assert (ROOT / "requirements" / f"{name}.txt").is_file()
        else:
            assert f"$(BIN)/python {' '.join(arguments)}\n" in makefile
    assert len(lines) == 4


def test_the_extras_are_those_of_the_package():
    told = {name: brings for name, brings in re.findall(r"^\| `(\w+)` \| ([\w-]+) \|", README, re.MULTILINE)}
    for_development = {"check", "demo", "test"}
    real = {
        name: re.split(r"[\[<>=]", packages[0])[0]
        for name, packages in PROJECT["optional-dependencies"].items()
        if name not in for_development
    }
    assert told == real


def test_versions_are_those_of_the_package():
    minors = [
        c.rsplit(" ", 1)[1] for c in PROJECT["classifiers"] if c.startswith("Programming Language :: Python :: 3.")
    ]
    assert f"Python {minors[0]} to {minors[-1]} and make" in README
    assert PROJECT["requires-python"] == f">={minors[0]}"
    assert f"Version {runlake.__version__.rsplit('.', 1)[0]}:" in README


def test_the_licence_is_whole():
    text = (ROOT / "LICENSE").read_text("utf-8")
    assert text.lstrip().startswith("Apache License")
    assert "END OF TERMS AND CONDITIONS" in text
    assert PROJECT["license"] == "Apache-2.0"


def test_the_demo_shown_is_the_demo_there_is():
    (shown,) = [text for text in texts("README.md", "text") if text.startswith("Where the configs")]
    closing = (ROOT / "demo" / "__main__.py").read_text("utf-8")
    for line in shown.partition("In demo-output/:\n")[2].splitlines():
        assert f"\n{line}\n" in closing


def test_the_last_line_of_the_demo_is_the_one_that_is_shown():
    (shown,) = [line for line in README.splitlines() if line.startswith("$ .venv/bin/runlake ui ")]
    closing = (ROOT / "demo" / "__main__.py").read_text("utf-8").partition('return f"""')[2].partition('"""')[0]
    said = closing.splitlines()[-1].replace("{command}", ".venv/bin/runlake")
    assert said.replace("{store.as_posix()}", "demo-output/.runlake") == f"  {shown.removeprefix('$ ')}"
