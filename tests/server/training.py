"""What a training process of W&B's client sends, as small as it can be: begun by GraphQL, rows by file_stream."""

import json
import time

import httpx

from waiting import DEADLINE_S

BEGIN = """mutation UpsertBucket(
  $name: String, $entity: String, $project: String, $host: String, $config: JSONString, $sweep: String
) {
  upsertBucket(
    input: {name: $name, entityName: $entity, modelName: $project, host: $host, config: $config, sweep: $sweep}
  ) { bucket { id name historyLineCount project { name entity { name } } } inserted } }"""
HIDDEN = {"_wandb": {"value": {"t": {"5": "0.31.0"}}}}


def begin(client, run_id, *, project="faults", config=None, **more):
    """Begin the run, or a new attempt of it; answers what the client is told of it."""
    document = {**HIDDEN, **{key: {"value": value} for key, value in (config or {}).items()}}
    variables = {"name": run_id, "project": project, "host": "gpu1", "config": json.dumps(document), **more}
    answer = client.post(
        "/graphql", json={"query": BEGIN, "variables": variables}, headers={"User-Agent": "wandb-core"}
    )
    answer.raise_for_status()
    told = answer.json()
    assert "errors" not in told, told
    return told["data"]["upsertBucket"]["bucket"]


def chunk(offset, rows, **more):
    """The body of a request whose first row is line `offset`."""
    lines = [json.dumps(row) for row in rows]
    return {"files": {"wandb-history.jsonl": {"offset": offset, "content": lines}}, **more}


def row(step):
    return {"_step": step, "_timestamp": 1.7e9 + step, "_runtime": step / 10, "loss": 1 / (step + 1), "n": step}


def send(client, path, body):
    """One request, as often as it takes: W&B's client goes on for a week, and gives up at once on most 4xx."""
    end = time.monotonic() + DEADLINE_S
    while True:
        assert time.monotonic() < end, "no answer that is final"
        try:
            answer = client.post(f"/files/{path}/file_stream", json=body)
        except httpx.HTTPError:
            time.sleep(0.02)
            continue
        if answer.status_code == 200:
            return answer.json()
        assert answer.status_code >= 500 or answer.status_code == 429, answer.text
        time.sleep(0.02)
