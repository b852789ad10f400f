"""What an attack was like is told at the end of the tests: the worst answer, the most memory."""

import pytest

pytest.register_assert_rewrite("besieged")

from besieged import Besieged  # noqa: E402


def pytest_terminal_summary(terminalreporter):
    for reports in terminalreporter.stats.values():
        for report in reports:
            for name, seen in getattr(report, "user_properties", ()):
                if name == "seen" and report.when == "call":
                    terminalreporter.write_line(
                        f"{report.nodeid.rpartition('::')[2]}: /healthz within {seen['worst_answer_s']:.2f} s "
                        f"({seen['answer_count']} times), memory {seen['before_bytes'] / 2**20:.0f} -> "
                        f"{seen['max_rss_bytes'] / 2**20:.0f} MiB"
                    )


@pytest.fixture
def besieged(tmp_path):
    """A server of one worker."""
    server = Besieged(tmp_path / "store")
    yield server
    server.stop()
