"""What the official W&B client says and hears, translated into verbs of the service and back."""
