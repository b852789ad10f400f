"""What is tried of others' libraries: a script and an environment for each, and what may differ between the ways.

A script is run unchanged in two ways: through ``runlake exec`` where wandb is not installed, and with the official
client before our server. Both stores must then say the same, but for what is declared here with its reason. A
difference that is declared and not met fails too, so that the page made of this stays true.
"""

from dataclasses import dataclass
from pathlib import Path

SCRIPTS = Path(__file__).parent / "scripts"


@dataclass(frozen=True)
class Difference:
    """A difference that is meant to be: the lines of a comparison that `pattern` finds, and why they are there."""

    pattern: str
    reason: str


@dataclass(frozen=True)
class Trial:
    """One use of a library."""

    script: str
    library: str
    environment: str
    distributions: tuple[str, ...]
    use: str
    arguments: tuple[str, ...] = ()
    differences: tuple[Difference, ...] = ()
    varying: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """What the trial is called: its script, and what it is asked for."""
        return "-".join((self.script, *self.arguments))

    @property
    def path(self) -> Path:
        """The script."""
        return SCRIPTS / f"{self.script}.py"
