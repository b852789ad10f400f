"""Pictures of the page for the README and the guide: ``python -m docs.make_pictures [FOLDER]``, from the checkout.

They are made in Chromium of a small store that is trained here, with the same ids, curves and so colours each time.
"""

from __future__ import annotations

import math
import os
import random
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.browser import browsing, serving, tab

import runlake

FOLDER = Path(__file__).parent / "pictures"
ENTITY, PROJECT = "ada", "vision"
STEP_COUNT = 600
WIDTH, HEIGHT = 1440, 860
SMOOTH = '{"all":{"smoothing":{"kind":"ema","amount":0.9}}}'
COLUMNS = "config.optimizer,config.lr,summary.val/accuracy"


@dataclass(frozen=True)
class Picture:
    """What is shown in one of them: the route, and how many charts must have been drawn before."""

    name: str
    route: str
    panel_count: int
    is_dark: bool = False
    width: int = WIDTH


PICTURES = (
    Picture("page-workspace", f"#/{ENTITY}/{PROJECT}?c={COLUMNS}&P={SMOOTH}", 4),
    Picture("page-run", f"#/{ENTITY}/{PROJECT}/runs/adam-1-1", 4, width=1000),
    Picture("page-dark", f"#/{ENTITY}/{PROJECT}?c={COLUMNS}&g=config.optimizer", 4, is_dark=True),
)


def train(store: Path) -> None:
    """Eight runs of two optimizers; one of them has a spike and comes back."""
    quiet = {"silent": True, "seal": "off", "x_disable_stats": True}
    for optimizer, speed in (("sgd", 2.2), ("adam", 3.4)):
        for lr in (0.1, 0.01):
            for seed in range(2):
                name = f"{optimizer}-{str(lr)[2:]}-{seed}"
                config = {"optimizer": optimizer, "lr": lr, "seed": seed, "batch_size": 64, "augment": seed == 1}
                with runlake.init(
                    store=store, entity=ENTITY, project=PROJECT, id=name, name=name, config=config, settings=quiet
                ) as run:
                    for row in rows(random.Random(name), speed * (1 + 2 * lr), lr, has_spike=name == "adam-1-1"):
                        run.log(row)


def rows(chance: random.Random, speed: float, lr: float, *, has_spike: bool) -> list[dict[str, float]]:
    """What a training of that speed logs."""
    found = []
    for step in range(STEP_COUNT):
        done = step / STEP_COUNT
        loss = 2.3 * math.exp(-speed * done) + 0.08 + 0.03 * lr
        if has_spike and 240 <= step < 270:
            loss += 2.0 * math.exp(-(step - 240) / 5)
        noise = chance.gauss(0, 0.03 * loss)
        found.append(
            {
                "train/loss": abs(loss + noise),
                "train/grad_norm": abs(loss * 1.7 + chance.gauss(0, 0.05)),
                "val/loss": 1.06 * loss + 0.05 * done * done + chance.gauss(0, 0.01),
                "val/accuracy": min(0.99, 1 - 0.38 * loss + chance.gauss(0, 0.004)),
            }
        )
    return found


def take(browser: Any, served: Any, picture: Picture, folder: Path) -> Path:
    """Wait until all of it is drawn, then take the picture."""
    scheme = "dark" if picture.is_dark else "light"
    with tab(browser, served, width=picture.width, height=HEIGHT, color_scheme=scheme, reduced_motion="reduce") as page:
        page.evaluate("route => { drawn.begin(); location.hash = route; }", picture.route)
        page.evaluate("count => drawn.panels(count, 100)", picture.panel_count)
        page.locator("main .waiting").wait_for(state="detached")
        page.locator(".panel-body.is-loading").first.wait_for(state="detached")
        page.wait_for_timeout(500)
        path = folder / f"{picture.name}.png"
        page.screenshot(path=path)
    return path


def main(folder: Path) -> None:
    """Make all of them into the folder, and say which."""
    folder.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch, browsing() as browser:
        store = Path(scratch) / "runs"
        os.environ |= {"LOGNAME": ENTITY, "RUNLAKE_SILENT": "true"}
        train(store)
        with serving(store) as served:
            for picture in PICTURES:
                print(take(browser, served, picture, folder))


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else FOLDER)
