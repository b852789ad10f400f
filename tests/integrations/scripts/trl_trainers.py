"""Supervised fine-tuning and GRPO with TRL, of a model and a tokenizer that are made here."""

import sys

from datasets import Dataset
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import GPT2Config, GPT2LMHeadModel, PreTrainedTokenizerFast, set_seed
from trl import GRPOConfig, GRPOTrainer, SFTConfig, SFTTrainer

words = ["[PAD]", "[UNK]", "[EOS]", "a", "b", "c", "d", "say", "more"]
inner = Tokenizer(models.WordLevel({word: n for n, word in enumerate(words)}, unk_token="[UNK]"))
inner.pre_tokenizer = pre_tokenizers.Whitespace()
tokenizer = PreTrainedTokenizerFast(tokenizer_object=inner, pad_token="[PAD]", unk_token="[UNK]", eos_token="[EOS]")
set_seed(0)
model = GPT2LMHeadModel(
    GPT2Config(vocab_size=len(words), n_positions=32, n_embd=8, n_layer=1, n_head=1, eos_token_id=2)
)
common = {
    "run_name": "tiny",
    "report_to": "wandb",
    "use_cpu": True,
    "max_steps": 3,
    "logging_steps": 1,
    "save_strategy": "no",
}
if "grpo" in sys.argv:
    GRPOTrainer(
        model=model,
        reward_funcs=lambda completions, **_: [float(len(text)) for text in completions],
        args=GRPOConfig(
            "out",
            **common,
            per_device_train_batch_size=4,
            num_generations=2,
            max_completion_length=4,
            log_completions=True,
            bf16=False,
        ),
        train_dataset=Dataset.from_dict({"prompt": ["say a", "say b", "say c", "say more"] * 4}),
        processing_class=tokenizer,
    ).train()
else:
    SFTTrainer(
        model=model,
        args=SFTConfig("out", **common, per_device_train_batch_size=4, max_length=16, bf16=False),
        train_dataset=Dataset.from_dict({"text": ["a b c d", "b c d a", "say more a", "c c d"] * 4}),
        processing_class=tokenizer,
    ).train()
