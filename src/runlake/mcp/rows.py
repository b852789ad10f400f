"""Tools about what runs logged and printed: the values of a key, lines of the console, the text of a file."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, BinaryIO

from msgspec import Meta

from runlake.clean_text import without_colours
from runlake.errors import BadValueError, NotFoundError
from runlake.mcp.answers import Answer, Room, rest_of
from runlake.mcp.runs import find_run
from runlake.mcp.tool import Asked, Caller, Offset, RunPathText, Tool
from runlake.model import AXES, RunPath, Stream
from runlake.near import near_names
from runlake.query.rows.history import History
from runlake.query.rows.sample import line_sample, numbers
from runlake.query.rows.values_page import values_page
from runlake.service.contract import Service
from runlake.values import plain_name

_POINT_BYTES = 50
"""A step and a number take no more."""
_LINE_CHARACTERS = 500
_SKIPPED_BYTES = 1 << 20


class ReadMetric(Asked, frozen=True, kw_only=True):
    """Read the values of one logged key, of one run or several: as a sample that draws the same line (first and last,
    lowest and highest of each piece stay), or with exact=true each value of whatever type, page by page. Compare runs
    by a sample; zoom in with min_step and max_step."""

    runs: Annotated[list[str], Meta(min_length=1, max_length=10, description="Each entity/project/run_id.")]
    key: Annotated[str, Meta(description="As describe_project and read_run name it.")]
    system: Annotated[bool, Meta(description="It is a key of the machine, one of the system_keys.")] = False
    samples: Annotated[int, Meta(ge=2, le=2000, description="Points of each run.")] = 100
    exact: Annotated[bool, Meta(description="Every value, from offset on, instead of samples.")] = False
    offset: Offset = 0
    limit: Annotated[int, Meta(ge=1, le=10_000, description="With exact: rows of each run.")] = 500
    min_step: int | None = None
    max_step: Annotated[int | None, Meta(description="The first step that is left out.")] = None


def read_metric(asked: ReadMetric, caller: Caller) -> Answer:
    room = caller.room()
    found, rest, is_sampled = [], [], False
    for number, text in enumerate(asked.runs):
        path = find_run(caller.service, text)
        share = room.left_bytes // (len(asked.runs) - number)
        read = _exact if asked.exact else _sampled
        one, missing = read(caller.service, path, asked, (room, share - 400))
        found.append(one)
        rest += [f"{path}: {missing}"] if missing else []
        is_sampled |= bool(missing) and not asked.exact
    rest += room.rest_of_texts("one run and limit=1 at a time has more, or sql: substr(text, 1001, 5000) in history")
    return Answer(found={"key": asked.key, "runs": found}, rest=rest, is_sampled=is_sampled)


def _sampled(service: Service, path: RunPath, asked: ReadMetric, space: tuple[Room, int]) -> tuple[dict[str, Any], str]:
    room, share = space
    samples = max(2, min(asked.samples, share // _POINT_BYTES))
    if asked.min_step is None and asked.max_step is None:
        history = service.sample_history(path, asked.key, samples=samples, stream=_stream(asked))
    else:
        history = _window(service, path, asked)
    rows, values = numbers(history)
    total_count = len(values) if history.source_row_count is None else history.source_row_count
    if not total_count:
        _check_key(service, path, asked, has_window=asked.min_step is not None or asked.max_step is not None)
    steps = history.step if rows is None else history.step[rows]
    chosen = line_sample(values, samples)
    points = room.fit(zip(steps[chosen].tolist(), values[chosen].tolist(), strict=True))
    one = {"run": str(path), "total_count": total_count, **_columns(points)}
    if len(points) == total_count:
        return one, ""
    return one, f"{len(points):,} of {total_count:,} values; more with samples, min_step and max_step, or exact=true"


def _exact(service: Service, path: RunPath, asked: ReadMetric, space: tuple[Room, int]) -> tuple[dict[str, Any], str]:
    room, share = space
    has_window = asked.min_step is not None or asked.max_step is not None
    if has_window:
        found = values_page(_window(service, path, asked), asked.key, asked.offset, asked.limit)
    else:
        found = service.read_values(path, asked.key, stream=_stream(asked), offset=asked.offset, limit=asked.limit)
    if not found.total_count:
        _check_key(service, path, asked, has_window=has_window)
    longest = share // 5 if asked.limit == 1 else 1_000
    points = room.fit(((row.step, room.shown(row.value, longest)) for row in found.rows), share)
    missing = rest_of("values", asked.offset, len(points), found.total_count)
    return {"run": str(path), "total_count": found.total_count, "offset": asked.offset, **_columns(points)}, missing


def _columns(points: Sequence[tuple[int, Any]]) -> dict[str, list[Any]]:
    return {"steps": [step for step, _ in points], "values": [value for _, value in points]}


def _stream(asked: ReadMetric) -> Stream:
    return "events" if asked.system else "history"


def _window(service: Service, path: RunPath, asked: ReadMetric) -> History:
    return service.read_history(
        path, stream=_stream(asked), keys=[asked.key], min_step=asked.min_step, max_step=asked.max_step
    )


def _check_key(service: Service, path: RunPath, asked: ReadMetric, *, has_window: bool) -> None:
    """`NotFoundError` for a key that the run does not have, `BadValueError` for one that has no numbers to sample."""
    lanes: dict[str, set[str]] = {}
    for series in service.outline_history(path, stream=_stream(asked)).series:
        lanes.setdefault(plain_name(series.key), set()).add(series.lane)
    if asked.key not in lanes and asked.key not in AXES:
        near = near_names(asked.key, lanes)
        hint = f"did you mean {' or '.join(near)}?" if near else "read_run has its keys"
        raise NotFoundError(f"{path} has no key {asked.key!r}; {hint}")
    if not asked.exact and not has_window and not lanes.get(asked.key, {"i64"}) & {"i64", "f64"}:
        raise BadValueError(f"{asked.key!r} of {path} has no numbers to sample; exact=true reads its values")


class ReadConsole(Asked, frozen=True, kw_only=True):
    """Read lines that a run printed, of stdout and stderr, each in its last form: the last ones without an offset."""

    run: RunPathText
    search: Annotated[str | None, Meta(description="Only lines with this text; capitals do not matter.")] = None
    offset: Annotated[int | None, Meta(description="The first line; a negative one counts from the end.")] = None
    limit: Annotated[int, Meta(ge=1, le=1000)] = 100


def read_console(asked: ReadConsole, caller: Caller) -> Answer:
    room = caller.room()
    offset = -asked.limit if asked.offset is None else asked.offset
    path = find_run(caller.service, asked.run)
    found = caller.service.read_console_lines(path, offset=offset, limit=asked.limit, search=asked.search)
    rows = [[one.line, one.stream, room.shown(without_colours(one.text), _LINE_CHARACTERS)] for one in found.lines]
    is_end = asked.offset is None
    shown = room.fit(reversed(rows) if is_end else rows)
    if is_end:  # of the end, what is nearest to it is kept
        shown.reverse()
    begin = found.offset + (len(rows) - len(shown) if is_end else 0)
    end = begin + len(shown)
    rest = [f"lines before: call again with offset={max(0, begin - asked.limit)}"] if begin else []
    rest += [f"lines behind: call again with offset={end}"] if end < found.total_count else []
    document = {"run": str(path), "total_count": found.total_count, "columns": ["line", "stream", "text"]}
    rest += room.rest_of_texts("sql has them: select substr(text, 501, 5000) from console")
    return Answer(found={**document, "offset": begin, "lines": shown}, rest=rest)


class ReadFile(Asked, frozen=True, kw_only=True):
    """Read the text of a file of a run, as diff.patch or requirements.txt, from a byte on. read_run names the files."""

    run: RunPathText
    name: str
    offset: Annotated[int, Meta(ge=0, description="The first byte.")] = 0


def read_file(asked: ReadFile, caller: Caller) -> Answer:
    room, path = caller.room(), find_run(caller.service, asked.run)
    files = {one.name: one for one in caller.service.list_files(path)}
    info = files.get(asked.name)
    if info is None:
        near = near_names(asked.name, files)
        hint = f"did you mean {' or '.join(near)}?" if near else "read_run names its files: parts=['files']"
        raise NotFoundError(f"{path} has no file {asked.name!r}; {hint}")
    with caller.service.open_file(path, asked.name) as content:
        _skip(content, asked.offset)
        piece = content.read(room.left_bytes // 2)
    if b"\0" in piece:
        raise BadValueError(
            f"{asked.name!r} of {path} is no text ({info.mimetype}, {info.size_bytes:,} bytes); "
            f"a person fetches it with: runlake pull {path}"
        )
    text = piece.decode("utf-8", "surrogateescape")
    if asked.offset + len(piece) < info.size_bytes:
        text = _without_cut_letter(text)
    while text and not room.fit([text]):  # what hides in it takes more room
        text = text[: len(text) // 2]
    end = asked.offset + len(text.encode("utf-8", "surrogateescape"))
    document = {"run": str(path), "name": asked.name, "size_bytes": info.size_bytes, "offset": asked.offset}
    rest = [f"{end - asked.offset:,} of {info.size_bytes:,} bytes; call again with offset={end}"]
    return Answer(found={**document, "text": text}, rest=rest if text and end < info.size_bytes else [])


def _skip(content: BinaryIO, count: int) -> None:
    while count > 0 and (piece := content.read(min(count, _SKIPPED_BYTES))):
        count -= len(piece)


def _without_cut_letter(text: str) -> str:
    """The text without the up to three bytes at its end that may be the beginning of a letter."""
    for _ in range(3):
        if not "\udc80" <= text[-1:] <= "\udcff":
            break
        text = text[:-1]
    return text


TOOLS = [
    Tool(name="read_metric", asks=ReadMetric, work=read_metric),
    Tool(name="read_console", asks=ReadConsole, work=read_console),
    Tool(name="read_file", asks=ReadFile, work=read_file),
]
