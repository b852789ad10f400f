"""Whatever is sent to the native API, nothing of it makes the server fail: cases made from its own OpenAPI document."""

import schemathesis
from hypothesis import HealthCheck, Phase, settings

from runlake.service.local import LocalService
from served import Holder, make_app
from trainer import Trainer

HOLDER = Holder()
APP = make_app(HOLDER)
SCHEMA = schemathesis.openapi.from_asgi("/schema/openapi.json", APP)
ENDLESS = "/api/v1/runs/{entity}/{project}/{run_id}/tail"
"""The events of a run that nobody ends: its questions are asked in test_native_routes.py."""


@SCHEMA.exclude(path=ENDLESS, method="GET").parametrize()
@settings(
    max_examples=8,
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
        if "run_id" in case.path_parameters:
            case.path_parameters["run_id"] = "a"
    response = case.call()
    assert response.status_code < 500 or response.status_code == 501, response.text
