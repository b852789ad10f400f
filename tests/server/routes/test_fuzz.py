"""Whatever is sent to the native API, nothing of it makes the server fail: cases made from its own OpenAPI document."""

import pytest
from hypothesis import HealthCheck, Phase, given, settings

from runlake.service.local.service import LocalService
from runlake.sweep_model import AgentStart, SweepPath, SweepStart
from served import Holder, make_app
from trainer import Trainer

ENDLESS = ["/api/v1/runs/{entity}/{project}/{run_id}/tail", "/api/v1/projects/{entity}/{project}/events"]
"""Events that nobody ends: their questions are asked in test_native_routes.py and test_project_events.py."""

SWEEP = SweepPath("ann", "mnist", "s")
CONFIG = {"method": "random", "parameters": {"lr": {"min": 0.0, "max": 1.0}}}


@pytest.fixture
def service(tmp_path):
    Trainer(tmp_path, "a", config={"lr": 1}).log(loss=1.0).finish()
    return LocalService(tmp_path, default_entity="ann")


@pytest.fixture
def operations(service):
    """Each method of each path."""
    import schemathesis  # takes a second to import, which every process of the tests would pay

    holder = Holder()
    holder.service = service
    schema = schemathesis.openapi.from_asgi("/schema/openapi.json", make_app(holder))
    return [found.ok() for found in schema.exclude(path=ENDLESS, method="GET").get_all_operations()]


def agent_of_sweep(service):
    """A new agent of the sweep, which earlier cases may have deleted."""
    if SWEEP not in {sweep.path for sweep in service.list_sweeps("ann", "mnist")}:
        service.create_sweep("ann", "mnist", SweepStart(sweep_id=SWEEP.sweep_id, config=CONFIG))
    return service.join_sweep(SWEEP, AgentStart()).agent_id


def send(case, service):
    """Have half of the cases speak of what there is."""
    if "entity" in (case.path_parameters or {}) and len(str(case.path_parameters["entity"])) % 2:
        case.path_parameters |= {"entity": "ann", "project": "mnist"}
        known = {"run_id": "a", "sweep_id": SWEEP.sweep_id, "agent_id": agent_of_sweep(service)}
        case.path_parameters |= {name: known[name] for name in known if name in case.path_parameters}
    return case.call()


def test_no_request_makes_the_server_fail(operations, service):
    assert len(operations) > 50
    for operation in operations:

        @settings(
            max_examples=settings().max_examples // 10,
            deadline=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(case=operation.as_strategy())
        def nothing_fails(case):
            response = send(case, service)
            assert response.status_code < 500 or response.status_code == 501, response.text

        nothing_fails()
