"""A store over HTTP: parse, ask the service one verb, print. W&B's wire is translated in `server.wandb`."""
