"""Lets the folders beside find `wandb_bytes`."""
