"""Names beside many columns and values: each has room to be read, however narrow the screen and long the name."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.page.conftest import Look, serving
from tests.page.stores import loss_rows, train

import runlake

LONG = "a-name-that-goes-on-" * 10
READABLE_PX = 80


def try_out() -> None:
    with runlake.init(settings={"silent": True, "seal": "off"}) as run:
        run.log({"loss": run.config["lr"]})


def sweep(store: Path) -> str:
    """One of two runs, with a column of words among those of numbers."""
    values = {"lr": {"values": [0.1, 0.01]}, "optimizer": {"values": ["adam"]}, "layers": {"values": [2]}}
    config = {"method": "grid", "metric": {"name": "loss", "goal": "minimize"}, "parameters": values}
    sweep_id = runlake.sweep(config, entity="ada", project="vision", store=store)
    runlake.agent(sweep_id, try_out, entity="ada", project="vision", store=store)
    return sweep_id


def widths(found: Any) -> list[float]:
    return [float(one.bounding_box()["width"]) for one in found.all()]


def heights(found: Any) -> list[float]:
    return [float(one.bounding_box()["height"]) for one in found.all()]


def test_runs_and_settings_beside_each_other_keep_names_that_can_be_read(
    looking: Callable[..., Look], tmp_path: Path
) -> None:
    store = tmp_path / "store"
    ids = [train(store, f"{lr} {LONG}", loss_rows(3), **{"learning.rate": lr, LONG: lr}) for lr in (0.1, 0.2, 0.3)]
    sweep_id = sweep(store)
    with serving(store) as served:
        look = looking(served, width=390, height=844)
        look.go(f"#/ada/vision/compare?runs={','.join(ids)}")
        look.page.get_by_role("rowheader", name="learning.rate").wait_for()
        assert min(widths(look.page.get_by_role("rowheader"))) >= READABLE_PX
        links = look.page.locator(".compare-runs").get_by_role("link", name=LONG)
        assert max(heights(links)) <= look.page.locator(".compare-runs .chip").first.bounding_box()["height"]
        assert max(heights(look.page.get_by_role("columnheader", name=LONG))) < 100
        look.go(f"#/ada/vision/sweeps/{sweep_id}")
        best = look.page.get_by_role("region", name="Best runs")
        best.get_by_role("rowheader").nth(1).wait_for()
        assert min(widths(best.get_by_role("rowheader"))) >= READABLE_PX
        aligned = "cells => cells.map(cell => getComputedStyle(cell).textAlign)"
        expected = ["left", "right", "right", "left", "right"]
        assert best.get_by_role("columnheader").evaluate_all(aligned) == expected
        assert best.locator("tbody tr").first.locator("th, td").evaluate_all(aligned) == expected
        assert min(heights(look.page.locator(".course-label"))) > 9


def test_the_fields_of_a_form_about_panels_lie_within_their_lines(looking: Callable[..., Look], tmp_path: Path) -> None:
    train(tmp_path / "store", "falls", loss_rows(3))
    with serving(tmp_path / "store") as served:
        look = looking(served, width=390, height=844)
        look.go("#/ada/vision?t=panels")
        for button in ("Add a panel", "Settings"):
            look.page.get_by_role("button", name=button).click()
            form = look.page.locator("form, .settings").filter(visible=True).first
            form.get_by_role("combobox").first.wait_for()
            outside = """form => [...form.querySelectorAll('label')].filter(label => {
              const line = label.getBoundingClientRect();
              return [...label.children].some(part => {
                const {top, bottom, right, height} = part.getBoundingClientRect();
                return height > 0 && (top < line.top - 1 || bottom > line.bottom + 1 || right > line.right + 1);
              });
            }).map(label => label.innerText)"""
            assert form.evaluate(outside) == [], button
            look.page.keyboard.press("Escape")
