"""PPO of stable-baselines3 with ``sync_tensorboard`` and the callback for wandb."""

import gymnasium
import wandb
from stable_baselines3 import PPO
from stable_baselines3.common.monitor import Monitor
from wandb.integration.sb3 import WandbCallback

config = {"policy": "MlpPolicy", "total_timesteps": 128, "env": "CartPole-v1"}
run = wandb.init(project="sb3", name="cartpole", config=config, sync_tensorboard=True, monitor_gym=True, save_code=True)
world = Monitor(gymnasium.make(config["env"]))
model = PPO(
    "MlpPolicy", world, n_steps=32, batch_size=16, n_epochs=1, seed=0, device="cpu", tensorboard_log=f"runs/{run.id}"
)
model.learn(
    config["total_timesteps"],
    callback=WandbCallback(gradient_save_freq=2, model_save_path=f"models/{run.id}", verbose=0),
)
run.finish()
