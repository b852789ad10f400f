"""What somebody does on the page of a run."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from tests.page.conftest import Look, Served, serving
from tests.page.stores import loss_rows, train

import runlake


class Trained(NamedTuple):
    """A store that is served, and the ids of its runs by their names."""

    served: Served
    ids: dict[str, str]


@pytest.fixture
def trained(tmp_path: Path) -> Iterator[Trained]:
    """Three runs; one logged a model and another used it."""
    ids = {name: train(tmp_path / "store", name, loss_rows(5)) for name in ("one", "two", "three")}
    quiet = {"silent": True, "seal": "off"}
    for name in ("one", "two"):
        place = {"entity": "ada", "project": "vision", "id": ids[name], "resume": "must"}
        with runlake.init(store=tmp_path / "store", **place, settings=quiet) as run:
            if name == "one":
                artifact = runlake.Artifact("model", type="model")
                with artifact.new_file("weights.txt") as file:
                    file.write("1 2 3")
                run.log_artifact(artifact).wait()
            else:
                run.use_artifact("model:latest")
    with serving(tmp_path / "store") as served:
        yield Trained(served, ids)


@pytest.fixture
def look(looking: Callable[..., Look], trained: Trained) -> Look:
    return looking(trained.served)


def test_from_the_table_to_a_run_to_the_next_one_and_back(look: Look) -> None:
    look.go("#/ada/vision?t=table&o=%2Bname")
    look.page.get_by_role("link", name="one", exact=True).click()
    look.page.get_by_role("heading", name="one").wait_for()
    look.page.get_by_role("tab", name="Overview").click()
    look.page.get_by_role("link", name="Next run of the table").click()
    look.page.get_by_role("heading", name="three").wait_for()
    assert look.page.get_by_role("tab", name="Overview").get_attribute("aria-selected") == "true"
    look.page.get_by_role("link", name="Next run of the table").click()
    look.page.get_by_role("heading", name="two").wait_for()
    assert look.page.get_by_role("link", name="Next run of the table").count() == 0
    look.page.get_by_role("link", name="Back to the table").click()
    look.page.locator(".table-body .line-name").first.wait_for()
    assert look.page.url.endswith("#/ada/vision?o=%2Bname&t=table")


def test_tags_are_edited_where_they_stand_and_taken_back(look: Look, trained: Trained) -> None:
    look.go(f"#/ada/vision/runs/{trained.ids['one']}")
    look.page.get_by_role("button", name="Edit the tags").click()
    field = look.page.get_by_label("Tags, with commas between them")
    field.fill("best, paper")
    field.press("Enter")
    look.page.locator(".run-tags .tag").get_by_text("paper").wait_for()
    assert look.page.locator(".run-tags .tag").all_inner_texts() == ["best", "paper"]
    look.page.get_by_role("button", name="Undo").click()
    look.page.locator(".run-tags .tag").first.wait_for(state="detached")


def test_what_a_run_logged_and_used_is_listed_with_the_way_there(look: Look, trained: Trained) -> None:
    for name, title in (("one", "Logged"), ("two", "Used")):
        look.go(f"#/ada/vision/runs/{trained.ids[name]}?tab=artifacts")
        part = look.page.get_by_role("region", name=f"{title} artifacts")
        part.get_by_role("link", name="model:v0").wait_for()
        assert part.locator("tr").count() == 1
    look.go(f"#/ada/vision/runs/{trained.ids['three']}?tab=artifacts")
    look.waits_for("This run has logged and used no artifacts.")


def test_media_of_several_keys_are_shown_at_one_step_unless_one_says_otherwise(
    looking: Callable[..., Look], tmp_path: Path
) -> None:
    pages: list[dict[str, Any]] = [{"often": runlake.Html(f"<p>{step}</p>")} for step in range(7)]
    for step in (0, 3, 6):
        pages[step]["seldom"] = runlake.Html(f"<p>{step}</p>")
    run_id = train(tmp_path / "store", "shown", pages)
    with serving(tmp_path / "store") as served:
        look = looking(served)
        look.go(f"#/ada/vision/runs/{run_id}?tab=media")
        often, seldom = (look.page.get_by_role("region", name=name) for name in ("often", "seldom"))
        often.get_by_text("step 6 · 7 of 7").wait_for()
        seldom.get_by_text("step 6 · 3 of 3").wait_for()
        often.get_by_role("slider").press("ArrowLeft")
        often.get_by_text("step 5 · 6 of 7").wait_for()
        seldom.get_by_text("step 3 · 2 of 3").wait_for()
        look.page.get_by_label("All at the same step").uncheck()
        often.get_by_text("step 6 · 7 of 7").wait_for()
        seldom.get_by_role("slider").press("Home")
        seldom.get_by_text("step 0 · 1 of 3").wait_for()
        assert often.get_by_text("step 6 · 7 of 7").is_visible()


def test_what_was_edited_is_listed_with_what_stood_there_before(look: Look, trained: Trained, tmp_path: Path) -> None:
    stored = runlake.Api(tmp_path / "store").run(f"ada/vision/{trained.ids['one']}")
    stored.config["lr"] = 0.25
    stored.update()
    look.go(f"#/ada/vision/runs/{trained.ids['one']}?tab=overview")
    part = look.page.get_by_role("region", name="Edits")
    part.get_by_role("rowheader", name="config.lr").wait_for()
    look.page.get_by_role("button", name="Add notes").click()
    look.page.get_by_role("textbox", name="Notes").fill("the best one")
    look.page.keyboard.press("Tab")
    part.get_by_role("rowheader", name="notes").wait_for()
    rows = [row.inner_text().split("\t")[:2] for row in part.get_by_role("row").all()]
    assert rows == [["notes", "nothing → the best one"], ["config.lr", "nothing → 0.25"]]


def test_printed_colours_and_bars_look_as_on_a_terminal_and_the_chosen_tab_is_in_sight_of_a_narrow_screen(
    looking: Callable[..., Look], tmp_path: Path
) -> None:
    with runlake.init(store=tmp_path / "store", entity="ada", project="vision", settings={"silent": True}) as run:
        print("\x1b[1;31mred and bold\x1b[0m plain")
        print("\x1b[31m 50%\x1b[0m left\r\x1b[32m100%\x1b[0m")
    with serving(tmp_path / "store") as served:
        look = looking(served, width=390, height=844)
        look.go(f"#/ada/vision/runs/{run.id}?tab=console")
        lines = look.page.locator(".console-text")
        lines.get_by_text("left").wait_for()
        assert lines.all_inner_texts() == ["red and bold plain", "100% left"]
        looks = [[part.get_attribute("class") for part in line.locator("span").all()] for line in lines.all()]
        assert looks == [["ansi-ink-1 ansi-bold"], ["ansi-ink-2"]]
        box = look.page.get_by_role("tab", name="Console").bounding_box()
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= 390
