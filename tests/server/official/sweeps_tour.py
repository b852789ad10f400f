"""A sweep of the official client: made, run to its end by an agent in the process, and read with `wandb.Api()`."""

from pathlib import Path

import wandb
from answering import answer

GRID = {
    "method": "grid",
    "name": "first try",
    "description": "small ones",
    "metric": {"name": "val_acc", "goal": "maximize"},
    "parameters": {"lr": {"values": [0.1, 1e-05]}, "net": {"parameters": {"depth": {"values": [1, 2]}}}},
}
PROJECT = {"entity": "ada", "project": "swept"}


def train():
    with wandb.init() as run:
        depth, lr = run.config["net"]["depth"], run.config["lr"]
        for step in range(3):
            run.log({"val_acc": round(depth + lr + step / 10, 6)})
        Path("model-best.h5").write_text(f"{depth} {lr}")
        run.save("model-best.h5", policy="now")


sweep_id = wandb.sweep(GRID, **PROJECT)
answer("id", lambda: sweep_id)
api = wandb.Api()
path = f"ada/swept/{sweep_id}"
empty = api.sweep(path)
answer("empty", lambda: [empty.state, list(empty.runs), empty.best_run(), empty.agents()])
wandb.agent(sweep_id, function=train, count=4, **PROJECT)

api = wandb.Api()
sweep = api.sweep(path)
run = sweep.runs[0]
answer("sweep", lambda: [sweep.id, sweep.name, sweep.state, sweep.order, sweep.url, str(sweep), str(sweep.runs)])
answer("config", lambda: sweep.config)
answer("counts", lambda: [sweep.expected_run_count, len(sweep.runs)])
answer("runs", lambda: [[r.config, r.summary["val_acc"], r.state] for r in sweep.runs])
answer("best", lambda: [sweep.best_run().config, sweep.best_run(order="+summary_metrics.val_acc").config])
answer("best-loss", lambda: sweep._attrs["bestLoss"])
answer("filtered", lambda: [r.config["lr"] for r in api.runs("ada/swept", {"sweep": sweep_id, "config.net.depth": 2})])
answer(
    "run", lambda: [run.sweep_name, run.sweep.id, [str(r.sweep) for r in api.runs("ada/swept", include_sweeps=True)]]
)
(agent,) = sweep.agents()
answer("agent", lambda: [agent.host, agent.totalRuns, str(sweep.agent(agent.id)), [r.id for r in agent.runs()]])
answer("agent-runs", lambda: [r.id for r in sweep.runs] == [r.id for r in sweep.agent(agent.name).runs(per_page=3)])
answer("sweeps", lambda: [str(s) for s in api.project("swept", "ada").sweeps(per_page=1)])
answer("sweeps-len", lambda: len(api.project("swept", "ada").sweeps()))
answer("from-path", lambda: str(api.from_path(f"ada/swept/sweeps/{sweep_id}")))

wrong = {**GRID, "method": "gird", "early_terminate": {"type": "median"}}
answer("wrong", lambda: wandb.sweep(wrong, **PROJECT))
answer("not-there", lambda: api.sweep("ada/swept/nothing"))
answer("no-agent", lambda: wandb.agent("nothing", function=train, count=1, **PROJECT))
answer("prior", lambda: wandb.sweep(GRID, prior_runs=[r.id for r in sweep.runs][1:], **PROJECT))
answer("prior-missing", lambda: wandb.sweep(GRID, prior_runs=["nothing"], **PROJECT))
answer("no-controller", lambda: wandb.sweep({**GRID, "controller": {"type": "local"}}, **PROJECT))
answer("no-enqueue", lambda: sweep.enqueue_run({"lr": 1}))
answer("no-filters", lambda: list(api.project("swept", "ada").sweeps(filters={"state": "RUNNING"})))
