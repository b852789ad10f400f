"""What all tests share: how Hypothesis looks for examples, and no sealing behind anybody's back."""

import pytest
from hypothesis import HealthCheck, settings

settings.register_profile(
    "runlake", deadline=None, print_blob=True, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
settings.load_profile("runlake")


@pytest.fixture
def no_sealing(monkeypatch):
    """`finish()` starts no process that seals: for tests that make many runs and do not ask for segments."""
    monkeypatch.setenv("RUNLAKE_SEAL", "off")
