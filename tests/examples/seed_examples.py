"""The code of the examples that data export has to run as written, by the name of our page for each."""

SWEEP_EXAMPLES = ("best-model-of-a-sweep", "runs-of-a-sweep")

SEED_EXAMPLES = {
    "print-a-metric": """\
import wandb
api = wandb.Api()

run = api.run("<entity>/<project>/<run_id>")
if run.state == "finished":
   for i, row in run.history().iterrows():
      print(row["_timestamp"], row["accuracy"])
""",
    "compare-two-runs": """\
import wandb
api = wandb.Api()

run1 = api.run("<entity>/<project>/<run_id>")
run2 = api.run("<entity>/<project>/<run_id>")

import pandas as pd
df = pd.DataFrame([run1.config, run2.config]).transpose()

df.columns = [run1.name, run2.name]
print(df[df[run1.name] != df[run2.name]])
""",
    "correct-a-result": """\
import wandb
api = wandb.Api()

run = api.run("<entity>/<project>/<run_id>")
run.summary["accuracy"] = 0.9
run.summary["accuracy_histogram"] = wandb.Histogram(numpy_array)
run.summary.update()
""",
    "change-a-setting": """\
import wandb
api = wandb.Api()
run = api.run("<entity>/<project>/<run_id>")
run.config["key"] = 10
run.update()
""",
    "run-to-csv": """\
import wandb
api = wandb.Api()

run = api.run("<entity>/<project>/<run_id>")

metrics_dataframe = run.history()
metrics_dataframe.to_csv("metrics.csv")
""",
    "every-row": """\
import wandb
api = wandb.Api()

run = api.run("<entity>/<project>/<run_id>")
history = run.scan_history()
losses = [row["Loss"] for row in history]
""",
    "project-to-csv": """\
import wandb
api = wandb.Api()

runs = api.runs("<entity>/<project>")
summary_list = []
config_list = []
name_list = []
for run in runs:
    summary_list.append(run.summary._json_dict)

    config_list.append({k:v for k,v in run.config.items() if not k.startswith('_')})

    name_list.append(run.name)

import pandas as pd
summary_df = pd.DataFrame.from_records(summary_list)
config_df = pd.DataFrame.from_records(config_list)
name_df = pd.DataFrame({'name': name_list})
all_df = pd.concat([name_df, config_df,summary_df], axis=1)

all_df.to_csv("project.csv")
""",
    "one-file": """\
import wandb
api = wandb.Api()
run = api.run("<entity>/<project>/<run_id>")
run.file("model-best.h5").download()
""",
    "all-files": """\
import wandb
api = wandb.Api()
run = api.run("<entity>/<project>/<run_id>")
for file in run.files():
    file.download()
""",
    "best-model-of-a-sweep": """\
import wandb
api = wandb.Api()
sweep = api.sweep("<entity>/<project>/<sweep_id>")
runs = sorted(sweep.runs, key=lambda run: run.summary.get("val_acc", 0), reverse=True)
val_acc = runs[0].summary.get("val_acc", 0)
print(f"Best run {runs[0].name} with {val_acc}% validation accuracy")
runs[0].file("model-best.h5").download(replace=True)
print("Best model saved to model-best.h5")
""",
    "runs-of-a-sweep": """\
import wandb
api = wandb.Api()
sweep = api.sweep("<entity>/<project>/<sweep_id>")
print(sweep.runs)
""",
    "system-metrics": """\
import wandb
api = wandb.Api()
run = api.run("<entity>/<project>/<run_id>")
system_metrics = run.history(stream = 'events')
""",
    "set-several-results": """\
summary.update({"key": val})
""",
    "how-it-was-started": """\
api = wandb.Api()
run = api.run("username/project/run_id")
meta = json.load(run.file("wandb-metadata.json").download())
program = ["python"] + [meta["program"]] + meta["args"]
""",
    "rows-with-keys": """\
api = wandb.Api()
run = api.run("username/project/run_id")
run.scan_history(keys=sorted(cols), page_size=100)
""",
}
