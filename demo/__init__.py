"""The demo: trains real classifiers on real digits, then gets everything out again. Run it with ``make demo``."""
