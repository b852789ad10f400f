"""Classes that nothing is of: with ``mode="disabled"`` too, `init` gives a `Run` with a `Summary`.

Integrations ask ``isinstance(run, (Run, RunDisabled))``.
"""


class RunDisabled:
    """No run is ever of this class."""


class SummaryDisabled(dict):
    """No summary is ever of this class."""


__all__ = ["RunDisabled", "SummaryDisabled"]
