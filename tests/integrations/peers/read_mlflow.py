"""What MLflow finds in a database, as JSON: ``read_mlflow.py FOLDER EXPERIMENT``."""

import json
import sys
from pathlib import Path

from mlflow.tracking import MlflowClient

folder, experiment = sys.argv[1:]
client = MlflowClient(f"sqlite:///{folder}/mlflow.db")
found = []
experiment_id = client.get_experiment_by_name(experiment).experiment_id
for run in client.search_runs([experiment_id]):

    def walk(path=None, run_id=run.info.run_id):
        for each in client.list_artifacts(run_id, path):
            if each.is_dir:
                yield from walk(each.path)
            else:
                yield each.path

    names = sorted(walk())
    found.append(
        {
            "name": run.info.run_name,
            "status": run.info.status,
            "start_ms": run.info.start_time,
            "end_ms": run.info.end_time,
            "params": run.data.params,
            "tags": run.data.tags,
            "metrics": {
                key: [[m.timestamp, m.step, str(m.value)] for m in client.get_metric_history(run.info.run_id, key)]
                for key in run.data.metrics
            },
            "artifacts": {
                name: Path(client.download_artifacts(run.info.run_id, name)).read_bytes().hex() for name in names
            },
        }
    )
print(json.dumps(found))
