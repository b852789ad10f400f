"""The version of this package, where code can read it without a search through the installed ones."""

__version__ = "0.1.0"
