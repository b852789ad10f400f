"""Any order of events in a sweep, seen by two processes: no point twice, none forgotten, never more than the cap."""

import shutil
import tempfile
from pathlib import Path

import hypothesis.strategies as st
import pytest
from hypothesis import settings
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, invariant, rule

from runlake.service.local.service import LocalService
from runlake.sweep_model import AgentReport, AgentStart, SweepEdit, SweepStart
from trainer import Trainer

POINT_COUNT = 6


class SweepMachine(RuleBasedStateMachine):
    agents = Bundle("agents")

    def __init__(self):
        super().__init__()
        self.root = Path(tempfile.mkdtemp(prefix="runlake-sweep-"))
        self.services = [LocalService(self.root, default_entity="ann") for _ in range(2)]
        self.running = {}
        self.over = []
        self.gone = set()
        self.cap = None

    def teardown(self):
        self.drain()
        shutil.rmtree(self.root)

    @initialize(cap=st.one_of(st.none(), st.integers(1, POINT_COUNT)))
    def begin(self, cap):
        self.cap = cap
        config = {"method": "grid", "parameters": {"x": {"values": list(range(POINT_COUNT))}}}
        config |= {} if cap is None else {"run_cap": cap}
        self.path = self.services[0].create_sweep("ann", "mnist", SweepStart(config=config)).path

    @rule(target=agents, which=st.integers(0, 1))
    def join(self, which):
        return self.services[which].join_sweep(self.path, AgentStart()).agent_id

    @rule(agent=agents, which=st.integers(0, 1), wanted=st.integers(0, 3))
    def ask(self, agent, which, wanted):
        if agent not in self.gone:
            self.take_orders(agent, which, wanted)

    @rule(agent=agents, exit_code=st.integers(0, 1))
    def end_a_run(self, agent, exit_code):
        mine = [run_id for run_id, (owner, _) in self.running.items() if owner == agent]
        if mine and agent not in self.gone:
            self.end(mine[0], exit_code)

    @rule(agent=agents, which=st.integers(0, 1))
    def die(self, agent, which):
        """With all that it runs; the runs of some had not begun."""
        if agent in self.gone:
            return
        self.gone.add(agent)
        for number, run_id in enumerate([r for r, (owner, _) in self.running.items() if owner == agent]):
            _, params = self.running.pop(run_id)
            if number % 2:
                Trainer(self.root, run_id, sweep=self.path.sweep_id, config=params).log(loss=1.0).opened.writer.close()
        self.services[which].report_agent(self.path, agent, AgentReport(is_leaving=True))

    @rule(state=st.sampled_from(["PAUSED", "RUNNING"]), which=st.integers(0, 1))
    def pause_or_resume(self, state, which):
        if self.services[which].read_sweep(self.path).state in ("PAUSED", "RUNNING"):
            self.services[which].edit_sweep(self.path, SweepEdit(state=state))

    @invariant()
    def no_point_is_with_two(self):
        points = [params["x"] for _, params in [*self.running.values(), *self.over]]
        assert len(points) == len(set(points)) <= (self.cap or POINT_COUNT)

    def take_orders(self, agent, which, wanted):
        mine = tuple(run_id for run_id, (owner, _) in self.running.items() if owner == agent)
        orders = self.services[which].report_agent(self.path, agent, AgentReport(running=mine, wanted_count=wanted))
        for order in orders:
            if order.kind == "run":
                self.running[order.run_id] = (agent, order.params)
        return orders

    def end(self, run_id, exit_code):
        self.over.append(self.running.pop(run_id))
        params = self.over[-1][1]
        Trainer(self.root, run_id, sweep=self.path.sweep_id, config=params).log(loss=1.0).finish(exit_code)

    def drain(self):
        """One more agent does all that is left."""
        if not hasattr(self, "path"):
            return
        service = self.services[0]
        if service.read_sweep(self.path).state == "PAUSED":
            service.edit_sweep(self.path, SweepEdit(state="RUNNING"))
        for run_id in list(self.running):
            self.end(run_id, 0)
        last = service.join_sweep(self.path, AgentStart()).agent_id
        for _ in range(POINT_COUNT + 1):
            if any(order.kind == "exit" for order in self.take_orders(last, 0, 1)):
                break
            self.end(next(iter(self.running)), 0)
        else:
            raise AssertionError("more was handed out than the grid has points")
        given_up = self.services[1].read_sweep(self.path).run_count - len(self.over)
        assert len(self.over) + given_up == (self.cap or POINT_COUNT)


TestSweepMachine = pytest.mark.slow(SweepMachine.TestCase)
TestSweepMachine.settings = settings(max_examples=20, stateful_step_count=25, deadline=None)
