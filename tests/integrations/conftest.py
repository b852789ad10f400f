"""Trials of others' libraries: ``--record`` writes what they find into ``results.json``."""


def pytest_addoption(parser):
    parser.addoption("--record", action="store_true", help="write what the libraries did into results.json")
