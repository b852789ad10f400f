"""Lets the folders below find `histories`."""
