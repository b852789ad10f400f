"""Whatever is sent to the native API, nothing of it makes the server fail: cases made from its own OpenAPI document."""

import schemathesis
from hypothesis import HealthCheck, Phase, settings

from runlake.service.local.service import LocalService
from runlake.sweep_model import AgentStart, SweepPath, SweepStart
from served import Holder, make_app
from trainer import Trainer

HOLDER = Holder()
APP = make_app(HOLDER)
SCHEMA = schemathesis.openapi.from_asgi("/schema/openapi.json", APP)
ENDLESS = ["/api/v1/runs/{entity}/{project}/{run_id}/tail", "/api/v1/projects/{entity}/{project}/events"]
"""Events that nobody ends: their questions are asked in test_native_routes.py and test_project_events.py."""

SWEEP = SweepPath("ann", "mnist", "s")
CONFIG = {"method": "random", "parameters": {"lr": {"min": 0.0, "max": 1.0}}}


def agent_of_sweep(service):
    """A new agent of the sweep, which earlier cases may have deleted."""
    if SWEEP not in {sweep.path for sweep in service.list_sweeps("ann", "mnist")}:
        service.create_sweep("ann", "mnist", SweepStart(sweep_id=SWEEP.sweep_id, config=CONFIG))
    return service.join_sweep(SWEEP, AgentStart()).agent_id


@SCHEMA.exclude(path=ENDLESS, method="GET").parametrize()
@settings(
    max_examples=settings().max_examples // 10,
    deadline=None,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)
def test_no_request_makes_the_server_fail(case, tmp_path_factory):
    if HOLDER.service is None:
        root = tmp_path_factory.mktemp("fuzz")
        HOLDER.service = LocalService(root, default_entity="ann")
        Trainer(root, "a", config={"lr": 1}).log(loss=1.0).finish()
    if "entity" in (case.path_parameters or {}) and len(str(case.path_parameters["entity"])) % 2:
        case.path_parameters |= {"entity": "ann", "project": "mnist"}
        known = {"run_id": "a", "sweep_id": SWEEP.sweep_id, "agent_id": agent_of_sweep(HOLDER.service)}
        case.path_parameters |= {name: known[name] for name in known if name in case.path_parameters}
    response = case.call()
    assert response.status_code < 500 or response.status_code == 501, response.text
