"""The WandbLogger of lm-eval, given what an evaluation found: results, and the samples of a task."""

from lm_eval.loggers.wandb_logger import WandbLogger

TASK = "arithmetic"
samples = [
    {
        "doc_id": number,
        "doc": {"context": f"{number} + 1 =", "completion": str(number + 1)},
        "target": str(number + 1),
        "arguments": [(f"{number} + 1 =", f" {number + 1}")],
        "resps": [[[-0.25 * (number + 1), number % 2 == 0]]],
        "filtered_resps": [[-0.25 * (number + 1), number % 2 == 0]],
        "filter": "none",
        "acc": float(number % 2 == 0),
    }
    for number in range(4)
]
results = {
    "results": {TASK: {"alias": TASK, "acc,none": 0.5, "acc_stderr,none": 0.25}},
    "group_subtasks": {TASK: []},
    "configs": {
        TASK: {
            "task": TASK,
            "output_type": "loglikelihood",
            "metric_list": [{"metric": "acc", "aggregation": "mean"}],
            "metadata": {"version": 1.0},
        }
    },
    "versions": {TASK: 1.0},
    "n-shot": {TASK: 0},
    "config": {"model": "dummy", "model_args": "", "batch_size": 1, "limit": 4.0},
    "samples": {TASK: samples},
}
logger = WandbLogger(init_args={"project": "lm-eval", "name": "dummy", "job_type": "eval"})
logger.post_init(results)
logger.log_eval_result()
logger.log_eval_samples(results["samples"])
logger.run.finish()
