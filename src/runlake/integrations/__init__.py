"""What knows other people's libraries: event files of TensorBoard, callbacks of trainers, videos of gym, sklearn plots.

Each module loads the library it is about when it is used, never before, and speaks to a run through the methods that
everybody has. The names are those of W&B's modules, and ``wandb.integration.<name>`` leads here.
"""
