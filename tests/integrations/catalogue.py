"""Every trial, in the order of the page that is made of them (docs/guide/libraries.md)."""

from trials import Trial

TRIALS = (
    Trial("accelerate_tracker", "Accelerate", '`log_with="wandb"`', "torch", ("accelerate",)),
    Trial("optuna_callback", "Optuna", "`WeightsAndBiasesCallback`", "torch", ("optuna", "optuna-integration")),
    Trial("hydra_app", "Hydra", "`@hydra.main`, OmegaConf", "torch", ("hydra-core", "omegaconf")),
    Trial("loop", "GPT in one file", "`wandb.init(config=globals)`, `wandb.log`", "torch", ("torch",)),
)
