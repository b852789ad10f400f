"""A program under Hydra, its composed config given to wandb."""

from dataclasses import dataclass, field

import hydra
import wandb
from hydra.core.config_store import ConfigStore
from omegaconf import OmegaConf


@dataclass
class Model:
    width: int = 8
    layers: list[int] = field(default_factory=lambda: [8, 8])


@dataclass
class Settings:
    lr: float = 0.1
    model: Model = field(default_factory=Model)
    half: float = "${half:${lr}}"


OmegaConf.register_new_resolver("half", lambda value: value / 2)
ConfigStore.instance().store(name="settings", node=Settings)


@hydra.main(version_base=None, config_name="settings")
def main(settings):
    config = OmegaConf.to_container(settings, resolve=True, throw_on_missing=True)
    with wandb.init(project="hydra", name="app", config=config) as run:
        for step in range(5):
            run.log({"loss": settings.lr / (step + 1), "model": {"norm": step * 0.5}})
        wandb.summary["width"] = settings.model.width


if __name__ == "__main__":
    main()
