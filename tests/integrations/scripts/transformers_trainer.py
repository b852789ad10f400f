"""A tiny GPT-2 trained by the Trainer of transformers with ``report_to="wandb"``.

With "watch" gradients are watched, with "model" the model is kept at the end, with "checkpoint" each checkpoint too,
with "search" wandb's sweeps look for a learning rate.
"""

import os
import sys

import torch
from transformers import GPT2Config, GPT2LMHeadModel, Trainer, TrainingArguments, set_seed

os.environ["WANDB_PROJECT"] = "transformers"
watched = "watch" in sys.argv
if watched:
    os.environ["WANDB_WATCH"] = "all"
if "model" in sys.argv:
    os.environ["WANDB_LOG_MODEL"] = "end"
if "checkpoint" in sys.argv:
    os.environ["WANDB_LOG_MODEL"] = "checkpoint"


class Tokens(torch.utils.data.Dataset):
    def __init__(self, count):
        self.tokens = torch.randint(32, (count, 8), generator=torch.Generator().manual_seed(count))

    def __len__(self):
        return len(self.tokens)

    def __getitem__(self, index):
        return {"input_ids": self.tokens[index], "labels": self.tokens[index]}


def make_model(trial=None):
    set_seed(0)
    return GPT2LMHeadModel(GPT2Config(vocab_size=32, n_positions=8, n_embd=8, n_layer=1, n_head=1))


arguments = TrainingArguments(
    "out",
    run_name="tiny",
    report_to="wandb",
    use_cpu=True,
    max_steps=120 if watched else 6,
    per_device_train_batch_size=4,
    logging_steps=40 if watched else 2,
    eval_strategy="steps",
    eval_steps=60 if watched else 3,
    save_strategy="steps" if "checkpoint" in sys.argv else "no",
    save_steps=3,
    seed=0,
)
trainer = Trainer(args=arguments, train_dataset=Tokens(32), eval_dataset=Tokens(8), model_init=make_model)
if "search" in sys.argv:
    best = trainer.hyperparameter_search(
        backend="wandb",
        direction="minimize",
        n_trials=2,
        hp_space=lambda trial: {
            "method": "grid",
            "metric": {"name": "objective", "goal": "minimize"},
            "parameters": {"learning_rate": {"values": [1e-3, 1e-2]}},
        },
        compute_objective=lambda metrics: metrics["eval_loss"],
    )
    assert best.run_id is not None, best
    assert set(best.hyperparameters) >= {"learning_rate"}, best
else:
    trainer.train()
