"""Queries on the page: written, run, looked at as rows and as a chart, taken along as CSV."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import quote

import pytest
from tests.page.conftest import Look, Served, serving
from tests.page.stores import loss_rows, train

CURVES = "SELECT run_id, step, value FROM history WHERE key = 'train/loss' ORDER BY run_id, step"
FOR_EVER = "SELECT count(*) FROM range(10000000) a, range(1000000) b WHERE a.range < b.range"


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    store: Path = tmp_path_factory.mktemp("queried") / "store"
    for name, scale in (("one", 1.0), ("two", 2.0)):
        train(store, name, loss_rows(40, scale), lr=scale)
    with serving(store) as served:
        yield served


@pytest.fixture
def look(looking: Callable[..., Look], served: Served) -> Look:
    return looking(served)


def write(look: Look, query: str) -> None:
    look.page.get_by_label("Query").fill(query)
    look.page.keyboard.press("Control+Enter")


def test_a_query_is_run_with_the_keyboard_and_its_address_brings_it_back(look: Look) -> None:
    look.page.get_by_role("link", name="SQL").click()
    write(look, "SELECT name, row_count FROM runs ORDER BY name")
    look.waits_for("2 rows")
    rows = look.page.get_by_role("region", name="Rows").locator("tbody tr")
    assert [row.inner_text().split() for row in rows.all()] == [["one", "40"], ["two", "40"]]
    look.page.get_by_role("combobox", name="chart").select_option("none")
    look.page.reload()
    look.waits_for("2 rows")
    assert look.page.get_by_label("Query").input_value() == "SELECT name, row_count FROM runs ORDER BY name"
    assert look.page.get_by_role("combobox", name="chart").input_value() == "none"


def test_curves_of_a_project_are_drawn_and_lead_to_their_runs(look: Look) -> None:
    look.go("#/ada/vision/sql")
    look.page.get_by_role("button", name="Curves of train/loss").click()
    look.waits_for("80 rows")
    look.page.get_by_role("img", name="value over step, 2 lines").wait_for()
    look.page.get_by_label("a line for each").select_option("")
    look.page.get_by_role("img", name="value over step, 1 line").wait_for()
    look.page.get_by_role("region", name="Rows").get_by_role("link").first.click()
    look.page.get_by_role("tab", name="Overview").wait_for()


def test_only_rows_in_sight_are_mounted(look: Look) -> None:
    look.go(f"#/sql?q={quote('SELECT range AS number FROM range(30000)')}")
    look.waits_for("30,000 rows")
    look.waits_for("the first 10,000 are shown, the file has all")
    rows = look.page.get_by_role("region", name="Rows")
    assert rows.locator("tbody tr").count() < 200
    rows.evaluate("element => { element.scrollTop = element.scrollHeight; }")
    look.waits_for("9999")


def test_the_answer_is_a_file_of_csv(look: Look) -> None:
    look.go(f"#/ada/vision/sql?q={quote(CURVES)}")
    look.waits_for("80 rows")
    with look.page.expect_download() as downloading:
        look.page.get_by_role("button", name="Download CSV").click()
    text = Path(downloading.value.path()).read_text()
    assert (downloading.value.suggested_filename, len(text.splitlines())) == ("vision.csv", 81)
    assert text.startswith("run_id,step,value\n")


def test_what_is_wrong_with_a_query_is_told_as_it_is(look: Look) -> None:
    look.expects("400")
    look.go("#/sql")
    write(look, "SELECT valeu FROM history")
    look.waits_for("Did you mean value?")
    write(look, "DROP TABLE runs")
    look.waits_for("one SELECT is a query, and this is DROP; nothing can be changed by SQL")


def test_a_long_query_shows_its_time_and_can_be_left(look: Look) -> None:
    look.go("#/sql")
    write(look, FOR_EVER)
    look.waits_for("s, at most 1 min")
    look.page.get_by_role("button", name="Cancel").click()
    look.page.get_by_role("button", name="Cancel").wait_for(state="detached")
    write(look, "SELECT 1 AS one")
    look.waits_for("1 row")


def test_tables_and_columns_are_written_with_a_click(look: Look) -> None:
    look.go("#/sql")
    look.page.locator("summary", has_text="summary").click()
    for name in ("key", "value", "summary"):
        look.page.get_by_role("button", name=name, exact=True).filter(visible=True).click()
    assert look.page.get_by_label("Query").input_value() == "key value summary"
