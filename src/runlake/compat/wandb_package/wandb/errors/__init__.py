"""The errors that scripts catch: W&B's names, runlake's classes."""

from runlake.errors import AuthenticationError, CommError, ConfigError, UsageError
from runlake.errors import NotSupportedError as UnsupportedError
from runlake.errors import RunlakeError as Error

__all__ = ["AuthenticationError", "CommError", "ConfigError", "Error", "UnsupportedError", "UsageError"]
