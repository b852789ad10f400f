"""Sweeps over every way to a store: what is handed out, to whom, and what becomes of it when agents die."""

import sys

import pytest

import warm
from runlake.errors import BadValueError, ConflictError, NotFoundError, SweepConfigError
from runlake.model import RunPath
from runlake.store.process_id import own_process_id
from runlake.sweep_model import AgentCommand, AgentReport, AgentStart, SweepEdit, SweepPath, SweepStart

GRID = {"method": "grid", "parameters": {"lr": {"values": [0.1, 0.2]}, "depth": {"values": [1, 2]}}}
RANDOM = {"method": "random", "parameters": {"lr": {"min": 0.0, "max": 1.0}}}
POINTS = [{"depth": depth, "lr": lr} for depth in (1, 2) for lr in (0.1, 0.2)]
"""In the order of the parameters' names, the last one changing first."""


class Desk:
    """One sweep, and agents that report to it."""

    def __init__(self, service, config, **start):
        self.service = service
        self.sweep = service.create_sweep("ann", "mnist", SweepStart(config=config, **start))
        self.path = self.sweep.path

    def join(self, **start):
        return self.service.join_sweep(self.path, AgentStart(**start)).agent_id

    def report(self, agent, *running, wanted=0, ended=(), **report):
        said = AgentReport(running=running, wanted_count=wanted, ended=tuple(ended), **report)
        return self.service.report_agent(self.path, agent, said)

    def next(self, agent):
        """The one run that an idle agent is told to begin."""
        (order,) = self.report(agent, wanted=1)
        assert order.kind == "run", order
        return order

    def state(self):
        return self.service.read_sweep(self.path).state


@pytest.fixture
def desk(service):
    return lambda config=GRID, **start: Desk(service, config, **start)


@pytest.fixture
def run(train, local):
    """Trains the run of an order to its end; with `exit_code` None it goes on."""

    def run(desk, order, exit_code=0, **values):
        trainer = train(order.run_id, sweep=desk.path.sweep_id, config=order.params)
        if values:
            trainer.log(**values)
        if exit_code is not None:
            trainer.finish(exit_code)
        return trainer

    return run


@pytest.fixture
def dead_process():
    """The mark of a process that has ended."""
    code = "from runlake.store.process_id import own_process_id; print(own_process_id())"
    return warm.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip()


def test_a_sweep_is_read_as_it_was_made(desk, service):
    made = desk({**GRID, "name": "first try", "description": "small ones"}, user="ann", seed=7)
    sweep = service.read_sweep(made.path)
    assert sweep == made.sweep == service.list_sweeps("ann", "mnist")[0]
    assert (sweep.name, sweep.description, sweep.user, sweep.seed) == ("first try", "small ones", "ann", 7)
    assert (sweep.state, sweep.run_count, sweep.expected_run_count, sweep.agents) == ("PENDING", 0, 4, ())
    assert sweep.config["parameters"] == GRID["parameters"]


def test_each_point_of_a_grid_goes_to_one_agent(desk):
    a_sweep = desk()
    agents = [a_sweep.join(), a_sweep.join()]
    orders = [a_sweep.next(agents[0]), *a_sweep.report(agents[1], wanted=3)]
    assert [order.params for order in orders] == POINTS
    assert len({order.run_id for order in orders}) == 4
    assert a_sweep.state() == "RUNNING"
    described = a_sweep.service.read_sweep(a_sweep.path).agents
    assert [(len(agent.run_ids), agent.state) for agent in described] == [(1, "running"), (3, "running")]


def test_an_answer_that_was_lost_is_given_again(desk):
    a_sweep = desk()
    agent = a_sweep.join()
    assert a_sweep.report(agent, wanted=1) == a_sweep.report(agent, wanted=1)
    assert a_sweep.service.read_sweep(a_sweep.path).run_count == 1


def test_a_run_that_begins_and_dies_between_two_reports_is_not_given_again(desk, run):
    """One that a server writes is known to be dead minutes later."""
    a_sweep = desk()
    agent = a_sweep.join()
    run(a_sweep, a_sweep.next(agent), exit_code=None, loss=1.0)
    assert a_sweep.next(agent).params == POINTS[1]


def test_a_grid_that_has_run_is_finished_and_its_agents_leave(desk, run):
    a_sweep = desk()
    agent = a_sweep.join()
    for _ in POINTS:
        run(a_sweep, a_sweep.next(agent))
    (order,) = a_sweep.report(agent, wanted=1)
    assert order == AgentCommand(kind="exit", reason="the sweep is finished: every point of the grid was run")
    assert a_sweep.state() == "FINISHED"


def test_who_has_nothing_to_do_waits_while_others_may_die(desk, run):
    a_sweep = desk()
    agents = [a_sweep.join(), a_sweep.join()]
    last = a_sweep.next(agents[0])
    for order in a_sweep.report(agents[1], wanted=3):
        run(a_sweep, order)
    assert a_sweep.report(agents[1], wanted=1) == ()
    run(a_sweep, last)
    assert [order.kind for order in a_sweep.report(agents[1], wanted=1)] == ["exit"]


def test_the_run_cap_is_exact(desk, run):
    a_sweep = desk({**RANDOM, "run_cap": 3})
    agent = a_sweep.join()
    orders = a_sweep.report(agent, wanted=5)
    assert len(orders) == 3
    for order in orders:
        run(a_sweep, order)
    (order,) = a_sweep.report(agent, wanted=1)
    assert order.reason == "the sweep is finished: its run_cap of 3 is reached"


def test_the_parameters_of_a_dead_agent_go_to_the_next_one(desk, dead_process):
    a_sweep = desk()
    dead, alive = a_sweep.join(process=dead_process), a_sweep.join(process=own_process_id())
    lost = a_sweep.next(dead)
    again = a_sweep.next(alive)
    assert (again.params, again.run_id == lost.run_id) == (lost.params, False)
    sweep = a_sweep.service.read_sweep(a_sweep.path)
    assert (sweep.run_count, [agent.state for agent in sweep.agents]) == (1, ["crashed", "running"])


def test_what_killed_every_agent_is_not_given_to_a_fourth(desk, dead_process):
    a_sweep = desk()
    params = [a_sweep.next(a_sweep.join(process=dead_process)).params for _ in range(4)]
    assert params == [POINTS[0]] * 3 + [POINTS[1]]


def test_a_run_that_outlives_its_agent_is_left_to_end(desk, run, dead_process):
    a_sweep = desk({**GRID, "run_cap": 1})
    trainer = run(a_sweep, a_sweep.next(a_sweep.join(process=dead_process)), exit_code=None, loss=1.0)
    other = a_sweep.join()
    assert a_sweep.report(other, wanted=1) == ()
    trainer.finish()
    assert [order.kind for order in a_sweep.report(other, wanted=1)] == ["exit"]


def test_who_has_nothing_to_do_leaves_after_a_while_but_not_while_a_run_has_lost_its_agent(
    desk, run, dead_process, clock
):
    kinds = []
    for process in (own_process_id(), dead_process):
        a_sweep = desk({**GRID, "run_cap": 1})
        busy = a_sweep.join(process=process)
        order = a_sweep.next(busy)
        run(a_sweep, order, exit_code=None, loss=1.0)
        idle = a_sweep.join()
        assert a_sweep.report(idle, wanted=1) == ()
        clock.ahead_s += 61
        if process == own_process_id():
            a_sweep.report(busy, order.run_id)
        kinds.append([order.kind for order in a_sweep.report(idle, wanted=1)])
    assert kinds == [["exit"], []]


def test_a_run_that_crashed_with_its_agent_is_run_again(desk, run, dead_process, way):
    if way == "cluster":
        pytest.skip("a process elsewhere holds no lock: it counts as gone after five minutes of silence")
    a_sweep = desk()
    lost = a_sweep.next(a_sweep.join(process=dead_process))
    run(a_sweep, lost, exit_code=None, loss=1.0).opened.writer.close()
    assert a_sweep.next(a_sweep.join()).params == lost.params


def test_a_run_that_failed_is_not_run_again(desk, run):
    a_sweep = desk()
    agent = a_sweep.join()
    run(a_sweep, a_sweep.next(agent), exit_code=1)
    assert a_sweep.next(agent).params == POINTS[1]


def test_an_agent_that_leaves_gives_back_what_it_had(desk):
    a_sweep = desk()
    leaving, staying = a_sweep.join(), a_sweep.join()
    left = a_sweep.next(leaving)
    assert a_sweep.report(leaving, is_leaving=True) == ()
    assert a_sweep.next(staying).params == left.params
    assert [agent.state for agent in a_sweep.service.read_sweep(a_sweep.path).agents] == ["finished", "running"]


def test_an_agent_that_was_given_up_is_told_to_stop_when_it_comes_back(desk, dead_process):
    a_sweep = desk()
    silent, other = a_sweep.join(process=dead_process), a_sweep.join()
    order = a_sweep.next(silent)
    a_sweep.next(other)
    (stop,) = a_sweep.report(silent, order.run_id)
    assert (stop.kind, stop.run_id) == ("stop", order.run_id)


def test_an_agent_that_says_nothing_is_given_up_by_who_watched(desk, clock):
    a_sweep = desk()
    silent, other = a_sweep.join(), a_sweep.join()
    lost = a_sweep.next(silent)
    watched = a_sweep.next(other)
    assert watched.params == POINTS[1]
    clock.ahead_s = 61
    orders = a_sweep.report(other, watched.run_id, wanted=1)
    assert [order.params for order in orders] == [lost.params]


def test_an_agent_whose_process_lives_may_be_slow(desk, clock):
    a_sweep = desk()
    slow, other = a_sweep.join(process=own_process_id()), a_sweep.join()
    a_sweep.next(slow)
    watched = a_sweep.next(other)
    clock.ahead_s = 61
    assert a_sweep.report(other, watched.run_id, wanted=1)[0].params == POINTS[2]


def test_a_paused_sweep_hands_out_nothing_until_it_goes_on(desk):
    a_sweep = desk()
    agent = a_sweep.join()
    first = a_sweep.next(agent)
    a_sweep.service.edit_sweep(a_sweep.path, SweepEdit(state="PAUSED"))
    assert a_sweep.report(agent, first.run_id, wanted=1) == ()
    assert a_sweep.report(agent, ended=[first.run_id], wanted=1) == ()
    a_sweep.service.edit_sweep(a_sweep.path, SweepEdit(state="RUNNING"))
    assert a_sweep.next(agent).params == POINTS[1]


def test_a_stopped_sweep_lets_what_runs_end(desk, run):
    a_sweep = desk()
    agent = a_sweep.join()
    first = a_sweep.next(agent)
    a_sweep.service.edit_sweep(a_sweep.path, SweepEdit(state="FINISHED"))
    assert a_sweep.report(agent, first.run_id, wanted=0) == ()
    run(a_sweep, first)
    (order,) = a_sweep.report(agent, ended=[first.run_id], wanted=1)
    assert order == AgentCommand(kind="exit", reason="the sweep is finished: somebody said so")


def test_a_canceled_sweep_stops_what_runs(desk, run, service):
    a_sweep = desk()
    agent = a_sweep.join()
    first = a_sweep.next(agent)
    run(a_sweep, first, exit_code=None, loss=1.0)
    a_sweep.service.edit_sweep(a_sweep.path, SweepEdit(state="CANCELED"))
    assert service.read_run(RunPath("ann", "mnist", first.run_id)).stop_requested
    kinds = [(order.kind, order.run_id) for order in a_sweep.report(agent, first.run_id)]
    assert kinds == [("stop", first.run_id), ("exit", "")]
    with pytest.raises(ConflictError, match="was canceled, and cannot be RUNNING"):
        a_sweep.service.edit_sweep(a_sweep.path, SweepEdit(state="RUNNING"))


def test_a_sweep_that_is_deleted_is_gone_for_its_agents_and_its_runs_stay(desk, run, service):
    a_sweep = desk()
    agent = a_sweep.join()
    first = a_sweep.next(agent)
    run(a_sweep, first)
    service.delete_sweep(a_sweep.path)
    with pytest.raises(NotFoundError, match="no sweep ann/mnist/"):
        a_sweep.report(agent, wanted=1)
    assert service.list_sweeps("ann", "mnist") == []
    assert service.read_run(RunPath("ann", "mnist", first.run_id)).state == "finished"


def test_the_same_seed_proposes_the_same_parameters(desk):
    proposed = []
    for _ in range(2):
        a_sweep = desk(RANDOM, seed=11)
        proposed.append([order.params for order in a_sweep.report(a_sweep.join(), wanted=3)])
    assert proposed[0] == proposed[1]
    assert len({params["lr"] for params in proposed[0]}) == 3


def test_a_sweep_that_reached_its_target_is_finished(desk, run):
    a_sweep = desk({**RANDOM, "metric": {"name": "acc", "goal": "maximize", "target": 0.9}})
    agent = a_sweep.join()
    run(a_sweep, a_sweep.next(agent), acc=0.5)
    good = a_sweep.next(agent)
    run(a_sweep, good, acc=0.95)
    (order,) = a_sweep.report(agent, wanted=1)
    assert order.reason == f"the sweep is finished: run {good.run_id} reached the target: acc = 0.95"


def test_runs_that_do_worse_than_others_are_stopped_early(desk, run, service):
    hyperband = {"type": "hyperband", "min_iter": 2, "eta": 2}
    config = {**RANDOM, "metric": {"name": "loss", "goal": "minimize"}, "early_terminate": hyperband}
    a_sweep = desk(config)
    agent = a_sweep.join()
    orders = a_sweep.report(agent, wanted=4)
    trainers = [run(a_sweep, order, exit_code=None) for order in orders]
    for loss, trainer in enumerate(trainers):
        for _ in range(3):
            trainer.log(loss=float(loss))
    ids = [order.run_id for order in orders]
    stopped = [order.run_id for order in a_sweep.report(agent, *ids)]
    assert stopped == ids[3:]
    asked = [service.read_run(RunPath("ann", "mnist", one)).stop_requested for one in ids]
    assert asked == [False, False, False, True]


def test_prior_runs_take_their_points_out_of_a_grid(desk, train, local):
    train("before", config=POINTS[1]).finish()
    a_sweep = desk(GRID, prior_run_ids=("before",))
    assert a_sweep.sweep.expected_run_count == 3
    assert [order.params for order in a_sweep.report(a_sweep.join(), wanted=4)] == [POINTS[0], *POINTS[2:]]


def test_an_agent_that_wants_more_runs_than_anybody_has_is_given_a_hundred_in_an_answer(desk):
    a_sweep = desk({"method": "random", "parameters": {"lr": {"min": 0.0, "max": 1.0}}})
    agent = a_sweep.join()
    first = [order.run_id for order in a_sweep.report(agent, wanted=10**12)]
    again = [order.run_id for order in a_sweep.report(agent, wanted=10**12)]
    others = [order.run_id for order in a_sweep.report(agent, *first, wanted=10**12)]
    assert (len({*first}), again, len({*others} - {*first})) == (100, first, 100)


def test_bad_requests_are_named(desk, service):
    with pytest.raises(SweepConfigError, match="parameters"):
        desk({"method": "grid"})
    a_sweep = desk(GRID, sweep_id="s1")
    with pytest.raises(NotFoundError, match="no run 'nobody'"):
        desk(GRID, prior_run_ids=("nobody",))
    with pytest.raises(ConflictError, match="there is a sweep ann/mnist/s1 already"):
        desk(GRID, sweep_id="s1")
    with pytest.raises(NotFoundError, match="has no agent 'nobody'"):
        a_sweep.report("nobody")
    with pytest.raises(BadValueError, match="cannot want -1 runs"):
        a_sweep.report(a_sweep.join(), wanted=-1)
    with pytest.raises(NotFoundError, match="no sweep ann/mnist/s2"):
        service.read_sweep(SweepPath("ann", "mnist", "s2"))
