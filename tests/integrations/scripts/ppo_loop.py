"""A policy gradient loop in one file, as RL repositories have it: wandb beside a SummaryWriter."""

from dataclasses import asdict, dataclass

import gymnasium as gym
import numpy as np
import torch
import wandb
from torch.utils.tensorboard import SummaryWriter


@dataclass
class Args:
    exp_name: str = "ppo"
    seed: int = 1
    env_id: str = "CartPole-v1"
    track: bool = True
    wandb_project_name: str = "ppo"
    wandb_entity: str | None = None
    num_updates: int = 4
    learning_rate: float = 2.5e-4


args = Args()
run_name = f"{args.env_id}__{args.exp_name}__{args.seed}"
if args.track:
    wandb.init(
        project=args.wandb_project_name,
        entity=args.wandb_entity,
        sync_tensorboard=True,
        config=vars(args),
        name=run_name,
        monitor_gym=True,
        save_code=True,
    )
writer = SummaryWriter(f"runs/{run_name}")
writer.add_text(
    "hyperparameters",
    "|param|value|\n|-|-|\n" + "\n".join(f"|{key}|{value}|" for key, value in asdict(args).items()),
)
np.random.seed(args.seed)
torch.manual_seed(args.seed)
env = gym.make(args.env_id)
policy = torch.nn.Linear(4, 2)
optimizer = torch.optim.Adam(policy.parameters(), lr=args.learning_rate)
global_step = 0
for update in range(args.num_updates):
    state, _ = env.reset(seed=args.seed + update)
    log_odds, rewards, done = [], [], False
    while not done and len(rewards) < 50:
        choice = torch.distributions.Categorical(logits=policy(torch.as_tensor(state)))
        action = choice.sample()
        state, reward, terminated, truncated, _ = env.step(action.item())
        log_odds.append(choice.log_prob(action))
        rewards.append(reward)
        done = terminated or truncated
        global_step += 1
    loss = -torch.stack(log_odds).sum() * float(np.mean(rewards))
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    writer.add_scalar("charts/episodic_return", sum(rewards), global_step)
    writer.add_scalar("losses/policy_loss", loss.item(), global_step)
    writer.add_scalar("charts/learning_rate", optimizer.param_groups[0]["lr"], global_step)
env.close()
writer.close()
