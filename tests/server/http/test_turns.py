"""Turns for costly work: who gets one, who waits, and that work nobody waits for ends."""

import asyncio
import json
import threading

import pytest
from in_process import InProcess
from litestar import Request

from runlake.errors import BusyError, TooLargeError
from runlake.server.http.turns import ClientGoneError, GiveTurns, Turns, in_turn
from runlake.server.wandb.ingest.stream import LARGE_BODY_BYTES
from runlake.stopping import check_wanted
from waiting import DEADLINE_S, wait_until


def at_once(scenario, **settings):
    async def run():
        turns = Turns(4, **settings)
        try:
            return await scenario(turns)
        finally:
            turns.close()

    return asyncio.run(run())


class Work:
    """Work that goes on until it is released, or ends itself because nobody wants it any more."""

    def __init__(self):
        self.has_begun = threading.Event()
        self.released = threading.Event()
        self.ended_by = None

    def __call__(self):
        self.has_begun.set()
        try:
            while not self.released.wait(0.005):
                check_wanted()
        except Exception as error:
            self.ended_by = type(error).__name__
            raise
        return "done"


async def until(condition):
    async with asyncio.timeout(30):
        while not condition():
            await asyncio.sleep(0.005)


def test_one_person_has_half_of_the_turns_and_the_next_finds_one():
    async def scenario(turns):
        anns, bobs = [Work() for _ in range(3)], [Work() for _ in range(3)]
        tasks = [asyncio.ensure_future(turns.run("ann", work)) for work in anns]
        await until(lambda: anns[0].has_begun.is_set() and anns[1].has_begun.is_set())
        tasks += [asyncio.ensure_future(turns.run("bob", work)) for work in bobs]
        await until(lambda: bobs[0].has_begun.is_set() and bobs[1].has_begun.is_set())
        begun = [work.has_begun.is_set() for work in (*anns, *bobs)]
        anns[0].released.set()
        await until(anns[2].has_begun.is_set)
        still_waits = not bobs[2].has_begun.is_set()
        for work in (*anns, *bobs):
            work.released.set()
        return begun, still_waits, await asyncio.gather(*tasks)

    begun, still_waits, done = at_once(scenario)
    assert begun == [True, True, False, True, True, False]
    assert still_waits
    assert done == ["done"] * 6


def test_who_waits_too_long_or_with_too_many_is_told_to_come_back():
    async def scenario(turns):
        works = [Work(), Work()]
        tasks = [asyncio.ensure_future(turns.run("ann", work)) for work in works]
        waiting = asyncio.ensure_future(turns.run("ann", Work()))
        await asyncio.sleep(0)
        with pytest.raises(BusyError, match="costly answers") as at_the_door:
            await turns.run("ann", Work())
        with pytest.raises(BusyError):
            await waiting
        for work in works:
            work.released.set()
        return at_the_door.value.retry_after_s, await asyncio.gather(*tasks), await turns.run("ann", lambda: "later")

    assert at_once(scenario, wait_s=0.05, max_waiting=1) == (5.0, ["done", "done"], "later")


def test_an_answer_that_has_begun_is_not_broken_off_because_others_take_their_time():
    async def scenario(turns):
        works = [Work(), Work()]
        tasks = [asyncio.ensure_future(turns.run("ann", work)) for work in works]
        await until(lambda: works[0].has_begun.is_set() and works[1].has_begun.is_set())
        piece = asyncio.ensure_future(anext(turns.pieces("ann", iter([b"a"]))))
        with pytest.raises(BusyError):
            await turns.run("ann", Work())
        for work in works:
            work.released.set()
        await asyncio.gather(*tasks)
        return await piece

    assert at_once(scenario, wait_s=0.05) == b"a"


def test_work_ends_when_whoever_asked_has_left_and_its_turn_is_given_to_the_next():
    async def scenario(turns):
        works = [Work(), Work(), Work()]
        tasks = [asyncio.ensure_future(turns.run("ann", work)) for work in works]
        await until(lambda: works[0].has_begun.is_set() and works[1].has_begun.is_set())
        tasks[0].cancel()
        await until(works[2].has_begun.is_set)
        tasks[2].cancel()
        works[1].released.set()
        return await asyncio.gather(*tasks, return_exceptions=True), [work.ended_by for work in works[:2]]

    done, ended_by = at_once(scenario)
    assert [type(one) for one in done] == [asyncio.CancelledError, str, asyncio.CancelledError]
    assert ended_by == ["ClientGoneError", None]


def test_who_leaves_at_the_moment_of_getting_a_turn_takes_none():
    async def scenario(turns):
        works = [Work(), Work()]
        tasks = [asyncio.ensure_future(turns.run("ann", work)) for work in works]
        await until(lambda: works[0].has_begun.is_set() and works[1].has_begun.is_set())
        left = asyncio.ensure_future(turns.run("ann", lambda: "unheard"))
        await until(lambda: turns._waiting)
        next(iter(turns._waiting)).add_done_callback(lambda _: left.cancel())
        works[0].released.set()
        given = await asyncio.gather(left, return_exceptions=True)
        works[1].released.set()
        return [type(one) for one in given], await asyncio.gather(*tasks), turns._working

    assert at_once(scenario) == ([asyncio.CancelledError], ["done", "done"], {})


def test_work_that_takes_too_long_ends_with_what_to_do():
    async def scenario(turns):
        with pytest.raises(TooLargeError, match="ask for less"):
            await turns.run("ann", Work())
        return await turns.run("ann", lambda: "next")

    assert at_once(scenario, max_turn_s=0.05) == "next"


def test_a_long_answer_holds_no_turn_between_its_pieces():
    async def scenario(turns):
        pieces = turns.pieces("ann", iter([b"a", b"b"]))
        first = await anext(pieces)
        works = [Work(), Work()]
        tasks = [asyncio.ensure_future(turns.run("ann", work)) for work in works]
        await until(lambda: works[0].has_begun.is_set() and works[1].has_begun.is_set())
        for work in works:
            work.released.set()
        await asyncio.gather(*tasks)
        return [first] + [piece async for piece in pieces]

    assert at_once(scenario) == [b"a", b"b"]


def test_work_of_a_request_ends_when_its_client_hangs_up():
    work = Work()

    async def scenario(turns):
        async def asked(scope, receive, send):
            request = Request(scope, receive, send)
            await in_turn(request, work)

        messages = [{"type": "http.request", "body": b"{}", "more_body": False}]

        async def receive():
            if messages:
                return messages.pop()
            await until(work.has_begun.is_set)
            return {"type": "http.disconnect"}

        scope = {"type": "http", "method": "POST", "path": "/", "headers": [], "client": ("10.0.0.1", 1)}
        with pytest.raises(ClientGoneError):
            await GiveTurns(asked, turns=turns)(scope, receive, None)
        await until(lambda: work.ended_by)
        return await turns.run("address 10.0.0.1", lambda: "next")

    assert (at_once(scenario), work.ended_by) == ("next", "ClientGoneError")


COSTLY = 'query($f: JSONString) { project(name: "p") { runCount(filters: $f) } }'
MAKE = """mutation { upsertBucket(input: {entityName: "ann", modelName: "p", name: "r1"}) {
  bucket { project { runs(first: 1000) { edges { node { name } } } } } } }"""
CHEAP = "{ viewer { username } }"


@pytest.fixture
def server(tmp_path):
    server = InProcess(tmp_path / "store", costly_turns=4)
    server.add_user("bob", is_admin=True)
    yield server
    server.close()


@pytest.fixture
def with_one_turn(tmp_path):
    server = InProcess(tmp_path / "store", costly_turns=1)
    yield server
    server.close()


def test_what_is_cheap_is_answered_while_all_turns_are_taken(server):
    server.ask("PUT", "/api/v1/projects/ann/p", who="ann")
    works = {who: [Work(), Work()] for who in ("ann", "bob")}
    for who, mine in works.items():
        for work in mine:
            server.start(server.context.turns.run, f"person {who}", work)
            assert work.has_begun.wait(DEADLINE_S)
    costly = {"query": COSTLY, "variables": {"f": json.dumps({"state": "finished"})}}
    waiting = [
        server.start(server.answer, "POST", "/graphql", "ann", {"json": costly}),
        server.start(server.answer, "GET", "/api/v1/projects/ann/p/runs", "ann", {}),
    ]
    cheap = [
        server.ask("GET", "/healthz").status_code,
        server.ask("GET", "/readyz").status_code,
        server.ask("POST", "/graphql", who="ann", json={"query": CHEAP}).json(),
    ]
    assert cheap == [200, 200, {"data": {"viewer": {"username": "ann"}}}]
    assert [one.done() for one in waiting] == [False, False]
    works["ann"][0].released.set()
    graphql, listing = (one.result(timeout=DEADLINE_S) for one in waiting)
    assert graphql.json() == {"data": {"project": {"runCount": 0}}}
    assert listing.json()["total_count"] == 0
    for mine in works.values():
        for work in mine:
            work.released.set()


def test_a_large_document_that_costs_much_takes_one_turn(with_one_turn):
    server = with_one_turn
    before, waiting = Work(), server.context.turns._waiting
    server.start(server.context.turns.run, "person bob", before)
    assert before.has_begun.wait(DEADLINE_S)
    asked = {"query": MAKE, "variables": {"padding": "x" * LARGE_BODY_BYTES}}
    answer = server.start(server.answer, "POST", "/graphql", "ann", {"json": asked})
    wait_until(lambda: len(waiting) == 1, "the document waits")
    behind = server.start(server.context.turns.run, "person bob", lambda: server.service.list_runs("ann", "p"))
    wait_until(lambda: len(waiting) == 2, "the next one waits")
    before.released.set()
    assert [run.run_id for run in behind.result(timeout=DEADLINE_S).runs] == ["r1"]
    assert answer.result(timeout=DEADLINE_S).json() == {
        "data": {"upsertBucket": {"bucket": {"project": {"runs": {"edges": [{"node": {"name": "r1"}}]}}}}}
    }


def test_outside_of_a_server_work_is_always_wanted():
    assert check_wanted() is None
