"""Where integrations find `Molecule`."""

from runlake import Molecule

__all__ = ["Molecule"]
