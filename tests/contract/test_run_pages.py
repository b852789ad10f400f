"""Pages of one run, over every implementation: lines of its console and values of one key, from either end."""

import math

import pytest

from runlake.errors import BadValueError, NotFoundError
from runlake.listing_model import ConsolePage, LoggedValue, PlacedLine, ValuesPage
from trainer import RUN

RED = "\x1b[31mError:\x1b[0m no Disk"


def texts(page):
    return [line.text for line in page.lines]


@pytest.fixture
def talker(train):
    talker = train("a")
    for number in range(10):
        talker.print(number, f"line {number}")
    return talker


def test_lines_come_by_their_place_and_from_the_end(service, talker):
    page = service.read_console_lines(RUN, offset=2, limit=2)
    assert page == ConsolePage(
        total_count=10,
        offset=2,
        lines=(
            PlacedLine(line=2, stream="stdout", timestamp=102.0, text="line 2"),
            PlacedLine(line=3, stream="stdout", timestamp=103.0, text="line 3"),
        ),
    )
    assert texts(service.read_console_lines(RUN, offset=-2)) == ["line 8", "line 9"]
    assert service.read_console_lines(RUN, offset=-100, limit=1).offset == 0
    assert service.read_console_lines(RUN, offset=99) == ConsolePage(total_count=10, offset=10, lines=())


def test_lines_that_come_are_on_the_next_page_and_those_drawn_again_are_in_their_last_form(service, talker):
    assert service.read_console_lines(RUN).total_count == 10
    talker.print(10, "10 %").print(9, "line nine", "error").print(10, "20 %")
    page = service.read_console_lines(RUN, offset=-2)
    assert [(line.line, line.stream, line.text) for line in page.lines] == [
        (9, "stderr", "line nine"),
        (10, "stdout", "20 %"),
    ]
    assert texts(service.read_console_lines(RUN, limit=10_000)) == [line.text for line in service.read_console(RUN)]


def test_what_is_searched_for_is_found_whatever_its_capitals_and_colours(service, talker):
    talker.print(10, RED).print(11, "error: NO DISK").print(12, "")
    page = service.read_console_lines(RUN, search="error: No disk", limit=1)
    assert (page.total_count, page.offset, [(line.line, line.text) for line in page.lines]) == (2, 0, [(10, RED)])
    last = service.read_console_lines(RUN, search="error: No disk", offset=-1)
    assert (last.offset, texts(last)) == (1, ["error: NO DISK"])
    assert service.read_console_lines(RUN, search="[31m") == ConsolePage(total_count=0, offset=0, lines=())
    assert service.read_console_lines(RUN, search="").total_count == 13


def test_a_run_that_begins_anew_has_a_console_of_its_own(service, talker, train):
    assert service.read_console_lines(RUN).total_count == 10
    (before,) = service.list_generations(RUN)
    talker.finish()
    train("a").print(0, "again")
    assert texts(service.read_console_lines(RUN)) == ["again"]
    assert service.read_console_lines(RUN, generation=before.generation).total_count == 10
    service.delete_run(RUN)
    with pytest.raises(NotFoundError, match='run "a" not in project'):
        service.read_console_lines(RUN)


def test_values_of_any_type_come_with_their_steps(service, train):
    image = {"_type": "image-file", "path": "media/a.png", "size": 3}
    values = [1, 2.5, math.inf, "text", None, True, [1, {"a": "é"}], image, 2**70]
    trainer = train("a").log(other=0)
    for value in values:
        trainer.log(x=value)
    trainer.log(other=1)
    page = service.read_values(RUN, "x")
    expected = tuple(
        LoggedValue(step=step, timestamp=100.0 + step, value=value) for step, value in enumerate(values, 1)
    )
    assert page == ValuesPage(total_count=9, offset=0, rows=expected)
    assert [type(row.value) for row in page.rows] == list(map(type, values))
    assert service.read_values(RUN, "x", offset=3, limit=2) == ValuesPage(total_count=9, offset=3, rows=expected[3:5])
    assert service.read_values(RUN, "x", offset=-1) == ValuesPage(total_count=9, offset=8, rows=expected[8:])
    assert service.read_values(RUN, "nothing") == ValuesPage(total_count=0, offset=0, rows=())
    assert service.read_values(RUN, "x", offset=100) == ValuesPage(total_count=9, offset=9, rows=())


def test_a_key_is_found_literally_and_as_a_dotted_path(service, train):
    train("a").log(**{"a.b": 1}).log(a={"b": 2}).log(**{"é/\"' ✓": 3})
    assert [row.value for row in service.read_values(RUN, "a.b").rows] == [1, 2]
    assert [row.value for row in service.read_values(RUN, "é/\"' ✓").rows] == [3]


def test_pages_that_are_none_are_refused(service, talker):
    for limit in (0, -1, 10_001):
        with pytest.raises(BadValueError, match=f"a page has 1 to 10,000 lines or rows, not {limit:,}"):
            service.read_console_lines(RUN, limit=limit)
        with pytest.raises(BadValueError, match="a page has 1 to 10,000 lines or rows"):
            service.read_values(RUN, "x", limit=limit)
    with pytest.raises(BadValueError, match="1,001 characters is searched for"):
        service.read_console_lines(RUN, search="x" * 1001)
    with pytest.raises(BadValueError, match="there is no offset"):
        service.read_console_lines(RUN, offset=2**70)
    with pytest.raises(NotFoundError):
        service.read_console_lines(RUN, generation="nothing")


def test_a_page_ends_before_it_is_too_long_to_send_and_the_next_goes_on(service, train):
    trainer = train("a")
    for number in range(3):
        trainer.print(number, "x" * 2_500_000)
    offset, seen = 0, []
    while (page := service.read_console_lines(RUN, offset=offset)).lines:
        seen.append([line.line for line in page.lines])
        offset = page.lines[-1].line + 1
    assert seen == [[0], [1], [2]]
