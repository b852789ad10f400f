import pytest


@pytest.fixture
def database(shared_database):
    return shared_database


@pytest.fixture
def names(database):
    from runlake.store.cluster.names import Names

    return Names(database)


@pytest.fixture
def empty_database_url(postgres_server):
    """The address of a database of the test's own."""
    return postgres_server.url_of(postgres_server.make_database())


@pytest.fixture
def begin_run(names):
    """Makes a run and claims it."""

    def begin(path, incarnation):
        names.make_run(path)
        return names.claim_incarnation(path, incarnation)

    return begin
