"""What `wandb.Api()` reads, asked once: each answer is printed as a line ``=> name json``."""

import json

import wandb
from answering import answer


def ids(runs):
    return [run.id for run in runs]


api = wandb.Api()
run = api.run("ada/before/uxte44z7")

answer("run", lambda: [run.id, run.name, run.state, run.entity, run.project, run.path, run.url, run.user.username])
answer(
    "paths", lambda: [api.run(p).name for p in ("before/uxte44z7", "/ada/before/runs/uxte44z7", "ada/before:uxte44z7")]
)
answer("missing-run", lambda: api.run("ada/before/nothing"))
answer("missing-project", lambda: len(api.runs("ada/nothing")))
answer("config", lambda: [run.config, run.rawconfig, json.loads(run.json_config)])
answer("summary", lambda: [run.summary._json_dict, run.summary_metrics["Loss"], run.summary["grad"]["norm"]])
answer("system-metrics", lambda: sorted(run.system_metrics)[:3])
answer("metadata", lambda: [run.metadata["args"], run.metadata["program"]])
answer("last-step", lambda: run.lastHistoryStep)
answer("load", lambda: [run.load(force=True)["displayName"], run.load_full_data(force=True)["state"]])
answer("html", lambda: run.to_html())

answer("history", lambda: run.history(pandas=False))
answer("history-again", lambda: run.history(pandas=False) == run.history(pandas=False))
answer("history-columns", lambda: [list(run.history(samples=10).columns), len(run.history(samples=10))])
answer("history-keys", lambda: run.history(keys=["Loss", "accuracy"], samples=20, pandas=False))
SAMPLES = (1, 100, 500, 799, 5000)
answer("history-of-one-key", lambda: [len(run.history(keys=["Loss"], samples=n, pandas=False)) for n in SAMPLES])
answer("key-counts", lambda: {key: kept["typeCounts"] for key, kept in run.history_keys["keys"].items()})
answer("history-nested", lambda: run.history(keys=["grad.norm"], samples=3000, pandas=False)[:3])
answer("history-axis", lambda: run.history(keys=["Loss"], x_axis="_runtime", samples=5, pandas=False))
answer("history-system", lambda: sorted(run.history(stream="system").columns))
answer("scan", lambda: [row["_step"] for row in run.scan_history()] == list(range(1600)))
answer("scan-twice", lambda: [len(list(scan)) for scan in [run.scan_history(page_size=700)] * 2])
answer("scan-keys", lambda: list(run.scan_history(keys=["accuracy", "Loss"], page_size=7, max_step=20)))
answer("scan-steps", lambda: [row["_step"] for row in run.scan_history(min_step=1590, max_step=1595)])
answer("scan-nested", lambda: list(run.scan_history(keys=["grad.norm"], max_step=30)))
answer("beta-scan", lambda: len(list(run.beta_scan_history(page_size=1000))))
answer("exports", lambda: [str(type(run.download_history_exports("exports")))])

answer("files", lambda: [[file.name, file.size, file.mimetype] for file in run.files(per_page=2)])
answer("files-named", lambda: [file.name for file in run.files(["model-best.h5", "nothing"])])
answer("files-like", lambda: [file.name for file in run.files(pattern="%.json")])
answer("files-count", lambda: len(run.files()))
answer("download", lambda: [run.file("./model-best.h5").download(root="got").name, run.file("model-best.h5").md5])
answer("download-again", lambda: run.file("model-best.h5").download(root="got"))
answer("file-missing", lambda: run.file("nothing").download())
answer("file-uri", lambda: run.file("model-best.h5").direct_url[:7])
answer("console", lambda: [line.content for line in run.console_logs()][-1:])
answer(
    "console-tail", lambda: [[line.number, line.level, line.label, line.content] for line in run.console_logs(last=1)]
)

many = "ada/many"
answer("runs", lambda: ids(api.runs(many)))
answer("runs-paged", lambda: ids(api.runs(many, per_page=2)))
answer("runs-len", lambda: len(api.runs(many, per_page=2)))
answer("runs-slice", lambda: [ids(api.runs(many)[1:3]), api.runs(many)[4].id])
answer("runs-full", lambda: [r.config["lr"] for r in api.runs(many, lazy=False)])
answer("runs-lazy", lambda: [r.summary["loss"] for r in api.runs(many, lazy=True)])
answer("histories", lambda: api.runs(many).histories(keys=["loss"], samples=2, format="default"))

FILTERS = {
    "state": {"state": "failed"},
    "config": {"config.lr": {"$gte": 0.45}},
    "config-value": {"config.lr.value": 0.5},
    "config-nested": {"config.net.depth": {"$in": [2, 3]}},
    "config-nested-value": {"config.net.value.depth": 4},
    "config-literal": {"config.a.b": 3},
    "summary": {"summary_metrics.loss": {"$lt": 5}},
    "summary-nested": {"summary_metrics.nested.x": {"$gt": 8}},
    "camel": {"summaryMetrics.loss": {"$lt": 5}},
    "tags": {"tags": "odd"},
    "tags-in": {"tags": {"$in": ["odd", "none"]}},
    "tags-all": {"tags": {"$all": ["odd", "all"]}},
    "group": {"group": "g1"},
    "job-type": {"jobType": "train", "displayName": {"$regex": "name [01]"}},
    "name": {"name": "run3"},
    "display-name": {"display_name": "name 3"},
    "created": {"created_at": {"$gt": "2020-01-01T00:00:00"}},
    "created-camel": {"createdAt": {"$lt": "2020-01-01T00:00:00"}},
    "user": {"username": run.user.username, "name": "run1"},
    "user-of-run": {"user.username": run.user.username, "name": "run1"},
    "or": {"$or": [{"config.opt": "sgd"}, {"name": "run0"}]},
    "and-not": {"$and": [{"tags": "all"}, {"$not": {"tags": "odd"}}]},
    "nor": {"$nor": [{"tags": "odd"}, {"name": "run0"}]},
    "ne": {"config.opt": {"$ne": "adam"}},
    "nin": {"name": {"$nin": ["run0", "run1", "run2"]}},
    "exists": {"config.opt": {"$exists": False}},
    "keys-info": {"keys_info.keys.loss": {"$exists": True}, "name": "run2"},
    "wrong": {"name": {"$near": 1}},
}
for name, filters in FILTERS.items():
    answer(f"filter-{name}", lambda filters=filters: ids(api.runs(many, filters=filters)))
ORDERS = (
    "-created_at",
    "+summary_metrics.loss",
    "-config.lr.value",
    "+display_name",
    "-heartbeat_at",
    "+config.opt,-name",
)
for order in ORDERS:
    answer(f"order {order}".replace(" ", "-"), lambda order=order: ids(api.runs(many, order=order)))

answer("projects", lambda: [[p.name, p.entity, p.path] for p in api.projects("ada") if p.name in ("before", "many")])
answer("project", lambda: [api.project("many", "ada").url, api.project("many", "ada").owner])
answer("project-missing", lambda: api.project("nothing", "ada").id)
answer("from-path", lambda: [str(api.from_path(p)) for p in ("ada/many", "ada/many/runs/run0")])
answer(
    "viewer", lambda: [api.viewer.username, api.viewer.email, api.viewer.teams, api.viewer.admin, api.default_entity]
)
answer("user", lambda: [api.user("ada").username, api.user("nobody-knows"), [u.username for u in api.users("ad")]])
answer("flush", lambda: [api.run("ada/before/uxte44z7") is run, api.flush(), api.run("ada/before/uxte44z7") is run])
answer("wait-until-finished", lambda: run.wait_until_finished())

answer("sweeps", lambda: list(api.project("many", "ada").sweeps()))
answer("no-reports", lambda: list(api.reports("ada/many")))
answer("no-registries", lambda: list(api.registries("ada")))
answer("no-registry", lambda: api.registry("models", "ada"))
answer("no-run-queue", lambda: api.run_queue("ada", "queue").id)
answer("no-jobs", lambda: api.list_jobs("ada", "many"))
answer("no-job", lambda: api.job("ada/many/job:v0"))
answer("no-automations", lambda: list(api.automations("ada")))
answer("no-integrations", lambda: list(api.integrations("ada")))
answer("no-organization", lambda: api.organization("ada").name)
answer("no-custom-chart", lambda: api.create_custom_chart("ada", "c", "c", "vega2", "private", {}))
