"""A training, and all that is read of it, over TLS."""

from pathlib import Path

import wandb
from answering import answer

with wandb.init(entity="ada", project="secure", id="trained", config={"lr": 0.1}) as run:
    for step in range(1200):
        run.log({"loss": 1 / (step + 1)})
    Path("model.txt").write_text("weights")
    run.save("model.txt")
    run.log({"html": wandb.Html("<b>bold</b>")})

trained = wandb.Api().run("ada/secure/trained")
answer("about", lambda: [trained.state, trained.url, trained.config, trained.summary["loss"]])
answer("scan", lambda: [row["loss"] for row in trained.scan_history(keys=["loss"])])
answer("history", lambda: len(trained.history(keys=["loss"], samples=100)))
answer("file", lambda: trained.file("model.txt").download(root="got").read())
answer("urls", lambda: sorted({file.direct_url.partition(":")[0] for file in trained.files()}))


def edit():
    """Change the run and put a file beside it; another client finds both."""
    trained.config["lr"] = 0.2
    trained.update()
    Path("later.txt").write_text("later")
    trained.upload_file("later.txt")
    found = wandb.Api().run("ada/secure/trained")
    return [found.config["lr"], found.file("later.txt").size]


answer("edit", edit)
