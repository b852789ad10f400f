"""`python -m wandb`: the command of W&B, as far as runlake has what it does."""

from runlake.cli.wandb_command import main

main()
