@rem The command wandb below runlake exec.
@"%RUNLAKE_EXEC_PYTHON%" -m wandb %*
