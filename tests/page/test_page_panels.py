"""What the charts of a project show of several runs and of groups of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.page.conftest import Look, Served, serving
from tests.page.stores import loss_rows, train

import runlake

PANELS = "#/ada/vision?t=panels"


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    """Three runs: two with adam, one with sgd; two have a value in the summary that no row has."""
    quiet = {"silent": True, "seal": "off"}
    for number, optimizer in enumerate(("adam", "adam", "sgd")):
        run_id = train(
            tmp_path / "store", f"run {number}", loss_rows(5, scale=number + 1), optimizer=optimizer, lr=number
        )
        if number < 2:
            place = {"entity": "ada", "project": "vision", "id": run_id, "resume": "must"}
            with runlake.init(store=tmp_path / "store", **place, settings=quiet) as run:
                run.summary["best"] = 0.5 + number
                run.summary["worst"] = 2.5
    with serving(tmp_path / "store") as served:
        yield served


@pytest.fixture
def look(looking: Callable[..., Look], served: Served) -> Look:
    return looking(served)


def panel(look: Look, key: str) -> str:
    return f'.panel[aria-label="{key}"]'


def test_a_key_of_summaries_alone_is_shown_as_bars_and_asked_for_together_with_others(look: Look) -> None:
    asked = []
    look.page.on("request", lambda request: asked.append(request.post_data or "") if "columns" in request.url else None)
    look.go(PANELS)
    rows = look.page.locator(panel(look, "best")).locator("tbody tr")
    rows.first.wait_for()
    assert [row.split() for row in rows.all_inner_texts()] == [["run", "1", "1.5"], ["run", "0", "0.5"]]
    foot = look.page.locator(panel(look, "best")).locator(".panel-foot").inner_text()
    assert foot == "Last values by run: none has logged it as rows"
    look.page.locator(panel(look, "worst")).locator("tbody tr").first.wait_for()
    assert {("summary.best" in body, "summary.worst" in body) for body in asked if "summary." in body} == {(True, True)}


def test_a_group_is_hidden_and_comes_back(look: Look) -> None:
    look.go("#/ada/vision?g=config.optimizer")
    foot = look.page.locator(panel(look, "train/loss")).locator(".panel-foot")
    foot.get_by_text("3 runs", exact=True).wait_for()
    look.page.get_by_label("Hide the line of optimizer adam").click()
    foot.get_by_text("1 of 3 runs, 2 hidden", exact=True).wait_for()
    look.page.get_by_label("Show the line of optimizer adam").click()
    foot.get_by_text("3 runs", exact=True).wait_for()


def test_following_is_one_switch_and_ends_where_a_chart_is_touched(look: Look) -> None:
    look.go("#/ada/vision")
    follow = look.page.get_by_role("button", name="Follow")
    follow.click()
    look.page.wait_for_function("() => location.hash.endsWith('?l=follow')")
    chart = look.page.locator(panel(look, "train/loss")).locator("canvas.chart-top")
    chart.focus()
    look.page.keyboard.press("+")
    look.page.wait_for_function("() => !location.hash.includes('l=follow')")
    assert (follow.count(), follow.get_attribute("aria-pressed")) == (1, "false")


@pytest.mark.parametrize(
    ("added", "title"),
    [
        ('{"kind":"bar","key":"train/loss","value":"last"}', "last train/loss"),
        ('{"kind":"scatter","x":"config.lr","y":"summary.train/loss"}', "summary.train/loss by config.lr"),
    ],
)
def test_a_panel_that_was_added_is_saved_as_a_picture(look: Look, added: str, title: str) -> None:
    look.go(f'#/ada/vision?t=panels&P={{"added":[{added}]}}')
    look.page.locator(panel(look, title)).locator("tbody tr, canvas").first.wait_for()
    for name, begin in (("Save as SVG", b"<svg xmlns"), ("Save as PNG", b"\x89PNG")):
        look.page.get_by_label(f"Menu of {title}").first.click()
        with look.page.expect_download() as saved:
            look.page.get_by_role("button", name=name).click()
        assert Path(saved.value.path()).read_bytes().startswith(begin)


def test_on_paper_there_are_the_rows_in_sight_and_all_charts_and_no_tools(look: Look) -> None:
    look.go("#/ada/vision")
    pointed = look.page.locator(panel(look, "train/loss")).locator("canvas.chart-top")
    pointed.wait_for()
    look.page.emulate_media(media="print")
    pointed.wait_for(state="hidden")
    look.page.locator(".toolbar").wait_for(state="hidden")
    tools = look.page.locator(".button, .button-icon, .segment, .tool, .search-box")
    assert tools.filter(visible=True).all_inner_texts() == []
    look.page.locator(".table-body .line-name").first.wait_for()
    look.page.set_viewport_size({"width": 1440, "height": 400})
    last = look.page.locator(".panel").last.bounding_box()
    assert 400 < last["y"] + last["height"] <= look.page.evaluate("document.documentElement.scrollHeight")


LIGHT_GRID, DARK_GRID = 0xEC, 0x22
"""How red the lines behind a chart are, as `web/src/style/tokens.css` has them."""


def test_paper_is_light_where_the_screen_is_dark(look: Look) -> None:
    look.page.emulate_media(color_scheme="dark")
    look.go("#/ada/vision?t=panels")
    canvas = look.page.locator(panel(look, "train/loss")).locator("canvas.chart-lines")
    grid_is = """([canvas, wanted]) => {
      const {data} = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
      let count = 0;
      for (let at = 0; at < data.length; at += 4) count += data[at] === wanted && data[at + 3] === 255;
      return count > 50;
    }"""
    canvas.wait_for()
    look.page.wait_for_function(grid_is, arg=[canvas.element_handle(), DARK_GRID])
    look.page.emulate_media(media="print", color_scheme="dark")
    look.page.wait_for_function(grid_is, arg=[canvas.element_handle(), LIGHT_GRID])
    assert look.page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    look.page.emulate_media(media="screen", color_scheme="dark")
    look.page.wait_for_function(grid_is, arg=[canvas.element_handle(), DARK_GRID])
