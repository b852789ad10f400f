"""What every request passes before a route sees it, and every answer behind it, in one order."""

from __future__ import annotations

from runlake.server.asgi import ASGIApp
from runlake.server.auth import SignIn
from runlake.server.bodies import Bodies
from runlake.server.config import ServerConfig
from runlake.server.connections import Connections, HandOver
from runlake.server.headers import Cors, SecurityHeaders
from runlake.server.limits import RateLimit
from runlake.server.logs import RequestLog
from runlake.server.metrics import Metrics, RequestMetrics
from runlake.server.people import People
from runlake.server.problems import AnswerFaults
from runlake.server.standing_watch import StandingWatch
from runlake.server.turns import GiveTurns, Turns


def put_layers(
    app: ASGIApp, *, config: ServerConfig, people: People, metrics: Metrics, turns: Turns | None = None
) -> ASGIApp:
    """The app with everything around it. Outermost are those that must see every answer, refusals included.

    `turns` are taken by what costs much; without them it takes any thread.
    """
    refused = metrics.refused
    if turns is not None:
        app = GiveTurns(app, turns=turns)
    app = Bodies(app, config=config, refused=refused)
    app = RateLimit(app, requests_per_s=config.requests_per_s, burst_requests=config.burst_requests, refused=refused)
    app = StandingWatch(app, people=people)
    app = SignIn(app, people=people)
    app = AnswerFaults(app)
    app = Cors(app, allowed_origins=config.allowed_origins)
    app = SecurityHeaders(app, is_tls=config.is_tls)
    app = RequestLog(app)
    app = RequestMetrics(app, metrics=metrics)
    return HandOver(app, Connections(config, refused=refused))
