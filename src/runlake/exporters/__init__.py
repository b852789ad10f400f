"""Runs of this store in the form of other trackers, for whoever goes on there, or looks at them with their programs."""
