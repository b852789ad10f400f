"""Runs of other trackers, brought in: what each of them left on a disk, read, and kept here as runs."""
