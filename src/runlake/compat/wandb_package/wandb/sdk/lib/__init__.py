"""Small parts that integrations reach into."""


class RunDisabled:
    """No run is ever of this class: with ``mode="disabled"`` too, `init` gives a `Run`.

    Integrations ask ``isinstance(run, (Run, RunDisabled))``.
    """


__all__ = ["RunDisabled"]
