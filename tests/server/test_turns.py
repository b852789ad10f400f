"""Turns for costly work: who gets one, who waits, and that work nobody waits for ends."""

import asyncio
import threading

import pytest

from runlake.errors import BusyError, TooLargeError
from runlake.server.turns import Turns
from runlake.stopping import check_wanted


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


def test_outside_of_a_server_work_is_always_wanted():
    assert check_wanted() is None
