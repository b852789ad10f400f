"""Event files of TensorBoard as rows."""

from runlake.integrations.tensorboard import log, patch, reset_state, tf_summary_to_dict, unpatch

__all__ = ["log", "patch", "reset_state", "tf_summary_to_dict", "unpatch"]
