"""A text classifier in spaCy, logged by ``spacy.WandbLogger.v5``; with "model" pipelines are kept.

With "folders" the corpus, the best and the latest pipeline are kept as spaCy has them in folders.
"""

import random
import sys
from pathlib import Path

import spacy
from spacy.cli.train import train
from spacy.tokens import DocBin

FOLDERS = {
    "log_dataset_dir": "corpus",
    "log_best_dir": "pipeline/model-best",
    "log_latest_dir": "pipeline/model-last",
}
random.seed(0)
nlp = spacy.blank("en")
Path("corpus").mkdir()
for name in ("train", "dev"):
    kept = DocBin()
    for _ in range(40):
        is_good = random.random() < 0.5
        doc = nlp.make_doc(f"this film is {random.choice(['good', 'great'] if is_good else ['bad', 'poor'])}")
        doc.cats = {"GOOD": float(is_good), "BAD": float(not is_good)}
        kept.add(doc)
    kept.to_disk(f"corpus/{name}.spacy")

config = spacy.blank("en").config.merge(
    {
        "paths": {"train": "corpus/train.spacy", "dev": "corpus/dev.spacy"},
        "nlp": {"lang": "en", "pipeline": ["textcat"]},
        "components": {"textcat": {"factory": "textcat"}},
        "corpora": {name: {"@readers": "spacy.Corpus.v1", "path": f"${{paths.{name}}}"} for name in ("train", "dev")},
        "training": {
            "seed": 0,
            "max_steps": 20,
            "eval_frequency": 5,
            "optimizer": {"@optimizers": "Adam.v1"},
            "batcher": {"@batchers": "spacy.batch_by_sequence.v1", "size": 8},
            "score_weights": {"cats_score": 1.0},
            "logger": {
                "@loggers": "spacy.WandbLogger.v5",
                "project_name": "spacy",
                "run_name": "texts",
                "remove_config_values": ["paths.vectors"],
                "model_log_interval": 10 if "model" in sys.argv else None,
                **(FOLDERS if "folders" in sys.argv else {}),
            },
        },
    }
)
config.to_disk("config.cfg")
train("config.cfg", "pipeline")
