"""TensorBoard's event files become rows of the run while they grow.

    runlake.init(project="digits", sync_tensorboard=True)

or, to say more, ``patch(root_logdir="runs")`` before or after `init`. Whatever this process writes from then on through
PyTorch's `SummaryWriter`, tensorboardX or TensorFlow is read: scalars as numbers, histograms, images, sounds and texts
as what they are, precision-recall curves as tables; hyperparameters join the configuration where it has none of that
name. There is one row a step of a file, with ``global_step`` beside the tags, and the time at which it was written.
"""

from runlake.integrations.tensorboard.patching import (
    begin,
    is_patched,
    log,
    patch,
    reset_state,
    tf_summary_to_dict,
    unpatch,
)

__all__ = ["begin", "is_patched", "log", "patch", "reset_state", "tf_summary_to_dict", "unpatch"]
