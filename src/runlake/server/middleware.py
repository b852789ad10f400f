"""What every request passes before a route sees it, and every answer behind it, in one order."""

from __future__ import annotations

from runlake.server.config import ServerConfig
from runlake.server.http.asgi import ASGIApp
from runlake.server.http.auth import AuthMiddleware
from runlake.server.http.bodies import Bodies
from runlake.server.http.connections import Connections, HandOver
from runlake.server.http.headers import Cors, SecurityHeaders
from runlake.server.http.limits import RateLimit
from runlake.server.http.logs import RequestLog
from runlake.server.http.metrics import Metrics, RequestMetrics
from runlake.server.http.open_files import CloseFiles
from runlake.server.http.problems import AnswerFaults
from runlake.server.http.sessions import Sessions
from runlake.server.http.standing_watch import StandingWatch
from runlake.server.http.turns import GiveTurns, Turns
from runlake.server.people.people import People


def add_middleware(
    app: ASGIApp,
    *,
    config: ServerConfig,
    people: People,
    metrics: Metrics,
    turns: Turns | None = None,
    sessions: Sessions | None = None,
) -> ASGIApp:
    """The app with everything around it. Outermost are those that must see every answer, refusals included.

    `turns` are taken by what costs much; without them it takes any thread. Without `sessions` nobody has one.
    """
    refused = metrics.refused
    app = CloseFiles(app)
    if turns is not None:
        app = GiveTurns(app, turns=turns)
    app = Bodies(app, config=config, refused=refused)
    app = RateLimit(app, requests_per_s=config.requests_per_s, burst_requests=config.burst_requests, refused=refused)
    app = StandingWatch(app, people=people)
    app = AuthMiddleware(app, people=people, sessions=sessions)
    app = AnswerFaults(app)
    app = Cors(app, allowed_origins=config.allowed_origins)
    app = SecurityHeaders(app, is_tls=config.is_tls)
    app = RequestLog(app)
    app = RequestMetrics(app, metrics=metrics)
    return HandOver(app, Connections(config, refused=refused))
