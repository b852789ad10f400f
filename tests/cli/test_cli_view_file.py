"""What `runlake view` takes and refuses; tests/page/test_view_file.py looks at what it makes."""

import pytest

from runlake.report.html_file import REPORT_FOLDER

REFUSED = {
    "--all-rows": (["ann/digits", "-o", "a.html", "--all-rows"], "--all-rows is not supported"),
    "an address of a run": (["#/ann/digits/runs/a", "-o", "a.html"], "is no address of a project"),
    "a filter without end": (["http://host/x/#/ann/digits?f=lr+%3E", "-o", "a.html"], "expected a value, not the end"),
    "no such project": (["ann/nothing", "-o", "a.html"], 'project "ann/nothing" not in'),
    "no such view": (["ann/digits/views/gone", "-o", "a.html"], "no view 'gone'"),
    "no such folder": (["ann/digits", "-o", "nowhere/a.html"], "there is no folder nowhere"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_made_is_refused_in_one_line_and_leaves_nothing(runlake, make_run, case, tmp_path, monkeypatch):
    make_run("ann/digits/a", rows=[{"loss": 1.0}])
    monkeypatch.chdir(tmp_path)
    before = sorted(tmp_path.rglob("*.html*"))
    arguments, said = REFUSED[case]
    ended = runlake("view", *arguments)
    assert (ended.code != 0, ended.out, ended.err.count("\n")) == (True, "", 1)
    assert said in ended.err
    assert sorted(tmp_path.rglob("*.html*")) == before


@pytest.mark.skipif(not (REPORT_FOLDER / "report.js").is_file(), reason="the page is not built: make page")
def test_the_file_is_put_in_place_whole_and_says_what_is_in_it(runlake, make_run, tmp_path):
    make_run("ann/digits/a", rows=[{"loss": 1.0, "note": "text"}])
    out = tmp_path / "a.html"
    ended = runlake("view", "ann/digits", "-o", str(out))
    assert (ended.code, ended.out) == (0, "")
    assert ended.err.startswith(f"{out}: 1 run, 1 chart, ")
    assert [path.name for path in tmp_path.glob("*a.html*")] == ["a.html"]
    assert out.read_text().startswith("<!doctype html>")


@pytest.mark.skipif(not (REPORT_FOLDER / "report.js").is_file(), reason="the page is not built: make page")
def test_an_address_with_a_filter_gives_the_runs_that_the_page_shows(runlake, make_run, tmp_path):
    for name, lr in (("a", 0.1), ("b", 1.0)):
        make_run(f"ann/digits/{name}", config={"lr": lr}, rows=[{"loss": 1.0}])
    out = tmp_path / "a.html"
    ended = runlake("view", "http://host/x/#/ann/digits?f=config.lr+%3E+0.5", "-o", str(out))
    assert ended.err.startswith(f"{out}: 1 run, 1 chart, ")
