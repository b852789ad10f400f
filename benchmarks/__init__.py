"""What runlake costs, beside physical limits and beside other trackers: ``python -m benchmarks``."""
