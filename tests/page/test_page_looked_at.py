"""What somebody sees who opens the page on a folder."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from tests.page.conftest import PAGE, Look, Served, serving
from tests.page.stores import HOSTILE, ODD_KEY, loss_rows, train

MAX_GZIP_BYTES = 150_000
AXE = Path(__file__).parents[2] / "web" / "node_modules" / "axe-core" / "axe.min.js"
PROJECT = "#/ada/vision"


class Shown(NamedTuple):
    served: Served
    ids: dict[str, str]


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shown]:
    store = tmp_path_factory.mktemp("looked-at") / "store"
    spike = loss_rows(2_000)
    spike[777] = {"train/loss": 1_000.0, "train/accuracy": 0.0}
    odd = [
        {ODD_KEY: 1.0, "odd/nan": float("nan"), "odd/inf": float("inf"), "odd/log": -1.0 if n else 1e308}
        for n in range(3)
    ]
    ids = {
        "falls": train(store, "falls", loss_rows(400), lr=0.1, opt={"name": "sgd"}),
        "spike": train(store, "spike", spike, lr=0.01, opt={"name": "adam"}),
        "hostile": train(store, HOSTILE, odd),
    }
    with serving(store) as served:
        yield Shown(served, ids)


@pytest.fixture
def look(looking: Callable[..., Look], shown: Shown) -> Look:
    return looking(shown.served)


def routes(ids: dict[str, str]) -> list[str]:
    run = f"{PROJECT}/runs/{ids['falls']}"
    tabs = [f"{run}?tab={tab}" for tab in ("overview", "config", "system", "console", "files", "media")]
    more = [f"{PROJECT}/sweeps", f"{PROJECT}/artifacts", f"{PROJECT}/compare?runs={ids['falls']},{ids['spike']}"]
    asked = "#/sql?q=SELECT%20run_id%2C%20value%20FROM%20summary"
    return ["#/", "#/sql", asked, PROJECT, f"{PROJECT}/sql", run, *tabs, *more]


def test_script_and_style_fit_into_150_kb() -> None:
    assert sum(path.stat().st_size for path in (PAGE.parent / "assets").glob("*.gz")) <= MAX_GZIP_BYTES


def test_every_route_opens_without_a_fault_and_asks_no_other_host(look: Look, shown: Shown) -> None:
    for route in routes(shown.ids):
        look.go(route)
        look.page.wait_for_load_state("networkidle" if route == "#/" else "load")
        look.page.locator("main .waiting").wait_for(state="detached")
        assert look.page.locator("main .problem").count() == 0, route


def test_the_table_lists_the_runs_and_a_filter_in_words_narrows_it(look: Look) -> None:
    look.go(PROJECT)
    rows = look.page.locator(".table-body .line")
    look.page.get_by_text("3 runs", exact=True).first.wait_for()
    assert rows.count() == 3
    look.page.get_by_placeholder("Search, or config.lr > 0.01").fill('config.opt.name = "adam"')
    look.page.keyboard.press("Enter")
    look.page.get_by_text("1 run matches").first.wait_for()
    assert "spike" in rows.first.inner_text()


def test_what_shapes_the_view_is_in_the_address_and_comes_back_with_it(look: Look) -> None:
    look.go(PROJECT)
    look.page.get_by_placeholder("Search, or config.lr > 0.01").fill("config.lr >= 0.1")
    look.page.keyboard.press("Enter")
    look.page.get_by_text("1 run matches").first.wait_for()
    look.page.wait_for_url("**?f=*")
    address = look.page.url
    look.page.goto("about:blank")
    look.page.goto(address)
    look.page.get_by_text("1 run matches").first.wait_for()
    assert "falls" in look.page.locator(".table-body .line").first.inner_text()


def test_a_spike_of_one_row_in_thousands_is_drawn(look: Look, shown: Shown) -> None:
    look.go(f"{PROJECT}/runs/{shown.ids['spike']}")
    canvas = look.page.locator(".panel canvas").first
    canvas.wait_for()
    assert wait_for_ink(look, "loss") < 0.2


def test_names_and_keys_that_were_logged_are_text_and_nothing_else(look: Look, shown: Shown) -> None:
    look.go(f"{PROJECT}/runs/{shown.ids['hostile']}")
    look.page.get_by_role("heading", name="<img src=x onerror=alert(1)>").wait_for()
    look.page.locator(".panel").first.wait_for()
    assert look.page.locator("main img").count() == 0


def test_a_narrow_screen_scrolls_nothing_sideways_but_tables(looking: Callable[..., Look], shown: Shown) -> None:
    narrow = looking(shown.served, width=390, height=844)
    for route in routes(shown.ids):
        narrow.go(route)
        narrow.page.locator("main .waiting").wait_for(state="detached")
        assert narrow.page.evaluate("document.documentElement.scrollWidth") <= 390, route


def test_who_hears_or_tabs_through_the_page_gets_all_of_it(looking: Callable[..., Look], shown: Shown) -> None:
    if not AXE.is_file():
        pytest.skip("axe-core is not installed: make test-page does it")
    heard = looking(shown.served, bypass_csp=True)
    found = {}
    for route in routes(shown.ids):
        heard.go(route)
        heard.page.locator("main .waiting").wait_for(state="detached")
        heard.page.add_script_tag(path=AXE)
        answer = heard.page.evaluate("axe.run(document, {runOnly: ['wcag2a', 'wcag2aa']})")
        found |= {
            f"{route}: {one['id']}": [node["html"][:200] for node in one["nodes"]] for one in answer["violations"]
        }
    assert found == {}


def wait_for_ink(look: Look, panel: str) -> float:
    """Where the highest pixel of a line is in a panel's canvas, from its top, as a share of its height."""
    look.page.wait_for_function(
        """name => {
          const panel = [...document.querySelectorAll('.panel')].find(one => one.innerText.startsWith(name));
          const canvas = panel?.querySelector('canvas');
          if (!canvas) return false;
          const {data, width, height} = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
          for (let at = 0; at < width * height; at += 1) {
            const [r, g, b, a] = data.slice(at * 4, at * 4 + 4);
            // Axes and words are nearly grey, and no colour of a run is.
            if (a > 100 && Math.max(r, g, b) - Math.min(r, g, b) > 50) {
              window.inkAt = Math.floor(at / width) / height;
              return true;
            }
          }
          return false;
        }""",
        arg=panel,
    )
    return float(look.page.evaluate("window.inkAt"))
