"""Every trial, in the order of the page that is made of them (docs/guide/libraries.md)."""

from dataclasses import dataclass

import declared as d
from trials import Difference, Trial


@dataclass(frozen=True)
class Use:
    """What is asked of a script of a library."""

    text: str
    arguments: tuple[str, ...] = ()
    differences: tuple[Difference, ...] = ()
    varying: tuple[str, ...] = ()


def uses(library: str, script: str, environment: str, distributions: str, *asked: Use) -> list[Trial]:
    """The trials of one library with one script."""
    about = (script, library, environment, tuple(distributions.split()))
    return [Trial(*about, use.text, use.arguments, use.differences, use.varying) for use in asked]


TRIALS = (
    *uses(
        "transformers",
        "transformers_trainer",
        "torch",
        "transformers",
        Use('`Trainer(report_to="wandb")`', varying=d.SPEED),
        Use("`WANDB_WATCH=all`", ("watch",), (d.OWN_BINS,), d.SPEED),
        Use("`WANDB_LOG_MODEL=end`", ("model",), (), d.SPEED),
        Use("`WANDB_LOG_MODEL=checkpoint`", ("checkpoint",), (), (*d.SPEED, *d.TRAINER_STATE)),
        Use('`hyperparameter_search(backend="wandb")`', ("search",), varying=d.SPEED),
    ),
    *uses(
        "TRL",
        "trl_trainers",
        "torch",
        "trl",
        Use("`SFTTrainer`", varying=d.SPEED),
        Use("`GRPOTrainer(log_completions)`", ("grpo",), (d.STEP_BEFORE,), d.SPEED),
    ),
    *uses(
        "Accelerate",
        "accelerate_tracker",
        "torch",
        "accelerate",
        Use('`Accelerator(log_with="wandb")`'),
        Use("`accelerate launch`, 2 processes", ("two",)),
    ),
    *uses(
        "Lightning",
        "lightning_logger",
        "torch",
        "lightning",
        Use(
            "`WandbLogger`: metrics, hyperparameters, `watch`, `log_image`, `log_table`, `log_text`",
            (),
            (d.NO_GRAPH, d.OWN_BINS, d.BLACK),
        ),
        Use("DDP, 2 processes", ("ddp",)),
        Use('`log_model="all"`', ("model",), varying=d.TORCH_FILES),
        Use("`log_model=True`", ("best",), varying=d.TORCH_FILES),
    ),
    *uses("lm-eval", "lm_eval_logger", "torch", "lm-eval", Use("`WandbLogger`: `log_eval_result`, `log_eval_samples`")),
    *uses(
        "Optuna",
        "optuna_callback",
        "torch",
        "optuna optuna-integration",
        Use("`WeightsAndBiasesCallback`"),
        Use("`as_multirun`, `track_in_wandb`", ("many",)),
    ),
    *uses(
        "Ray Tune",
        "ray_tune",
        "torch",
        "ray",
        Use("`WandbLoggerCallback`", varying=d.OF_A_TRIAL),
        Use("`setup_wandb`", ("setup",), varying=d.OF_A_TRIAL),
    ),
    *uses("Hydra", "hydra_app", "torch", "hydra-core omegaconf", Use("`@hydra.main`, a config of OmegaConf")),
    *uses("MMEngine", "mmengine_backend", "torch", "mmengine", Use("`WandbVisBackend`", varying=(r"\.(data_)?time$",))),
    *uses(
        "stable-baselines3",
        "sb3_callback",
        "torch",
        "stable-baselines3",
        Use(
            "`WandbCallback`, `sync_tensorboard`",
            (),
            (d.TYPES, d.EVENT_FILES, d.CODE, d.OWN_BINS),
            (*d.SPEED, r"^config\.(start_time|tensorboard_log)$"),
        ),
    ),
    *uses(
        "TensorBoard",
        "tensorboard_writer",
        "torch",
        "tensorboard",
        Use("`SummaryWriter`, `sync_tensorboard`", (), (d.EVENT_FILES, d.TEXTS, d.SPREAD)),
        Use("`wandb.tensorboard.patch`", ("patch",), (d.TEXTS, d.SPREAD)),
    ),
    *uses(
        "PPO in one file",
        "ppo_loop",
        "torch",
        "gymnasium",
        Use(
            "`SummaryWriter`, `monitor_gym`, `save_code`",
            (),
            (d.EVENT_FILES, d.CODE, d.TEXTS),
            d.SPEED,
        ),
    ),
    *uses("GPT in one file", "loop", "torch", "torch", Use("`wandb.log` of tensors")),
    *uses(
        "Segmentation loop",
        "segmentation_loop",
        "torch",
        "torch",
        Use('`anonymous="must"`, pictures, histograms', (), (d.BLACK, d.DOUBLES)),
    ),
    *uses(
        "Detection loop",
        "detection_end",
        "torch",
        "numpy",
        Use(
            "pictures, a table, `log_artifact` at the end",
            (),
            (d.MEDIA_IN_TABLES,),
        ),
    ),
    *uses(
        "fastai",
        "fastai_callback",
        "vision",
        "fastai",
        Use("`WandbCallback(log_preds=True)`", (), (d.MEDIA_IN_TABLES,), d.SPEED),
        Use("`WandbCallback(log_model=True)`", ("model",), (), d.SPEED),
        Use("`WandbCallback(log_dataset=…)`", ("dataset",), (), d.SPEED),
    ),
    *uses(
        "ultralytics",
        "ultralytics_train",
        "vision",
        "ultralytics",
        Use("`settings.wandb`", (), (), (r"speed_PyTorch", r"^config\.save_dir$", *d.TORCH_FILES)),
    ),
    *uses(
        "XGBoost",
        "xgboost_callback",
        "tables",
        "xgboost",
        Use("`WandbCallback`"),
        Use("`WandbCallback(log_model=True)`", ("model",)),
    ),
    *uses(
        "LightGBM",
        "lightgbm_callback",
        "tables",
        "lightgbm",
        Use("`wandb_callback`, `log_summary`", (), (d.SORTED,)),
        Use("`log_summary(save_model_checkpoint=True)`", ("model",), (d.SORTED,)),
    ),
    *uses(
        "CatBoost",
        "catboost_callback",
        "tables",
        "catboost",
        Use("`WandbCallback`, `log_summary`", (), (d.EMPTY,)),
        Use("`log_summary(save_model_checkpoint=True)`", ("model",), (d.EMPTY,), d.CATBOOST_FILES),
    ),
    *uses(
        "Keras",
        "keras_callbacks",
        "tables",
        "keras tensorflow-cpu",
        Use("`WandbMetricsLogger`"),
        Use("`WandbModelCheckpoint`", ("checkpoint",), varying=d.KERAS_FILES),
        Use("`WandbModelCheckpoint(save_freq=3)`", ("batches",), varying=d.KERAS_FILES),
        Use("`WandbEvalCallback`", ("tables",), (d.COPIED,)),
    ),
    *uses(
        "scikit-learn",
        "sklearn_plots",
        "tables",
        "scikit-learn",
        Use("`wandb.sklearn.plot_…`", (), (d.PLOTS, d.CLUSTERS)),
    ),
    *uses(
        "spaCy",
        "spacy_logger",
        "tables",
        "spacy spacy-loggers",
        Use("`spacy.WandbLogger.v5`", varying=(r"\.speed$",)),
        Use("its `model_log_interval`", ("model",), (), (r"\.(speed|seconds)$",)),
        Use("its `log_dataset_dir`, `log_best_dir`, `log_latest_dir`", ("folders",), (), (r"\.(speed|seconds)$",)),
    ),
    *uses(
        "Artifacts in a pipeline",
        "artifact_pipeline",
        "tables",
        "numpy",
        Use(
            "versions, aliases, tables with media, joined tables, references, links, `use_artifact`, `log_code`",
            (),
            (d.MEDIA_IN_TABLES, d.SOUND, d.SOURCE),
            (r"\.elsewhere/",),
        ),
    ),
)
