"""`--cpu-durations N`: the tests that cost most processor time, of the processes they wait for too.

Unlike seconds of a clock, these are the same beside busy neighbours, nearly. Not counted is who is left behind: a
process that was detached, and those of one that was killed.
"""

import resource

import pytest


def used_s():
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


class CpuDurations:
    """Adds up the phases of each test, which xdist brings from its workers."""

    def __init__(self, count):
        self.count, self.costs_s, self.before_s = count, {}, 0.0

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_logstart(self):
        self.before_s = used_s()

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(self, item, call):
        report = yield
        now_s = used_s()
        report.cpu_s, self.before_s = now_s - self.before_s, now_s
        return report

    def pytest_runtest_logreport(self, report):
        cost_s = getattr(report, "cpu_s", 0.0)  # there is none of a worker that crashed
        self.costs_s[report.nodeid] = self.costs_s.get(report.nodeid, 0.0) + cost_s

    def pytest_terminal_summary(self, terminalreporter):
        dearest = sorted(self.costs_s.items(), key=lambda entry: -entry[1])[: self.count]
        total_s = sum(self.costs_s.values())
        terminalreporter.section(f"{total_s:.0f} s of processor time; the dearest {len(dearest)} tests")
        for name, cost_s in dearest:
            terminalreporter.line(f"{cost_s:7.2f} s  {name}")
