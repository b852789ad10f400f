"""Small parts that integrations reach into."""

from wandb.sdk.lib import runid, telemetry


class RunDisabled:
    """No run is ever of this class: with ``mode="disabled"`` too, `init` gives a `Run`.

    Integrations ask ``isinstance(run, (Run, RunDisabled))``.
    """


__all__ = ["RunDisabled", "runid", "telemetry"]
