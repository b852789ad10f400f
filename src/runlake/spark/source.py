"""``spark.read.format("runlake")``: the sealed rows of a project as a Python data source of Spark 4.1 and newer."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal, cast, get_args

import pyarrow as pa
from pyspark.sql.datasource import DataSource, DataSourceReader, EqualTo, Filter, In, InputPartition

from runlake.api.api import Api
from runlake.errors import BadValueError, NotSupportedError
from runlake.listing_model import SegmentList
from runlake.model import Stream
from runlake.spark.batches import PUSHED, Piece, grouped, pieces_of, read_pieces

COLUMNS = (
    "run_id string, generation string, writer string, key string, lane string, n bigint, step bigint, f64 double, "
    "i64 bigint, bool boolean, str string"
)
OPTIONS = (
    "api_key", "keys", "path", "project", "pushdown", "run_ids", "signed_for_s", "store", "stream", "unsealed",
)  # fmt: skip
SIGNED_FOR_S = 6 * 3600.0

_NAMED_RUN_COUNT = 5

Unsealed = Literal["refuse", "skip"]


class RunlakeDataSource(DataSource):  # type: ignore[misc]
    """One value a row, as `docs/guide/storage-format/values.md` has them; `spark.dataSource.register` takes this class.

    `docs/guide/engines.md` tells the options; `OPTIONS` are their names.
    """

    @classmethod
    def name(cls) -> str:
        """What ``format`` is given."""
        return "runlake"

    def schema(self) -> str:
        """The columns of a file with values."""
        return COLUMNS

    def reader(self, schema: Any) -> RunlakeReader:
        """BadValueError for options that there are not."""
        options = {name.lower(): value for name, value in self.options.items()}
        if unknown := sorted(options.keys() - set(OPTIONS)):
            raise BadValueError(f"there is no option {', '.join(unknown)}; there are {', '.join(OPTIONS)}")
        pushdown = _one_of("pushdown", options.get("pushdown", "false").lower(), ("false", "true"))
        return PushdownReader(options) if pushdown == "true" else RunlakeReader(options)


class RunlakeReader(DataSourceReader):  # type: ignore[misc]
    """Lists the files where the query is planned, and reads them in its tasks."""

    def __init__(self, options: Mapping[str, str]) -> None:
        self._options = dict(options)
        named = {"key": options.get("keys"), "run_id": options.get("run_ids")}
        self._wanted = {column: _texts(f"{column}s", text) for column, text in named.items() if text is not None}

    def partitions(self) -> list[RunlakePartition]:
        """Some files each. Raises what `Api.segments` does, NotSupportedError for rows that are in no file."""
        found = self._listed()
        groups = grouped(pieces_of(found.segments, self._wanted))
        return [RunlakePartition(pieces) for pieces in groups] or [RunlakePartition(())]

    def read(self, partition: RunlakePartition) -> Iterator[pa.RecordBatch]:
        """The rows of some files."""
        return read_pieces(partition.pieces, self._wanted)

    def _listed(self) -> SegmentList:
        options = self._options
        stream = _one_of("stream", options.get("stream", "history"), get_args(Stream))
        unsealed = _one_of("unsealed", options.get("unsealed", "refuse"), get_args(Unsealed))
        signed_for_s = _seconds(options.get("signed_for_s", SIGNED_FOR_S))
        project = options.get("project") or options.get("path")
        with Api(options.get("store"), api_key=options.get("api_key")) as api:
            found = api.segments(project, stream=cast(Stream, stream), signed_for_s=signed_for_s)
        wanted = self._wanted.get("run_id")
        missing = [run_id for run_id in found.unlisted_run_ids if wanted is None or run_id in wanted]
        if missing and unsealed == "refuse":
            names = ", ".join(missing[:_NAMED_RUN_COUNT]) + (", …" if len(missing) > _NAMED_RUN_COUNT else "")
            raise NotSupportedError(
                f"{len(missing)} runs have rows that are in no file ({names}): they are written just now, not sealed "
                '(runlake seal), or rewound; .option("unsealed", "skip") leaves those rows out'
            )
        return found


class PushdownReader(RunlakeReader):
    """The same, told which values the query looks for.

    Not for everybody: Spark up to 4.3 keeps what was pushed down, and a later query of the same DataFrame without a
    filter gets these rows only. Sail does not.
    """

    def pushFilters(self, filters: list[Filter]) -> Iterable[Filter]:
        """Those that compare a column of names with texts are ours; the rest is left to Spark."""
        for each in filters:
            if (found := _wanted(each)) is None:
                yield each
                continue
            column, values = found
            self._wanted[column] = self._wanted.get(column, values) & values


@dataclass
class RunlakePartition(InputPartition):  # type: ignore[misc]
    """The files of one task."""

    pieces: tuple[Piece, ...]


def _wanted(condition: Filter) -> tuple[str, frozenset[str]] | None:
    """The column and the only values that it lets through; None for a condition that Spark has to look at."""
    if not isinstance(condition, EqualTo | In) or condition.attribute not in {(column,) for column in PUSHED}:
        return None
    values = condition.value if isinstance(condition, In) else (condition.value,)
    if not all(isinstance(value, str) for value in values):
        return None
    return condition.attribute[0], frozenset(values)


def _texts(name: str, text: str) -> frozenset[str]:
    """A JSON list of texts."""
    try:
        values = json.loads(text)
    except ValueError:
        values = None
    if not isinstance(values, list) or not all(isinstance(value, str) for value in values):
        raise BadValueError(f'{name}={text!r}; it is a JSON list of texts, such as ["loss"]')
    return frozenset(values)


def _one_of(name: str, value: str, known: tuple[str, ...]) -> str:
    if value not in known:
        raise BadValueError(f"{name}={value!r}; it can be {', '.join(known)}")
    return value


def _seconds(value: str | float) -> float:
    try:
        return float(value)
    except ValueError:
        raise BadValueError(f"signed_for_s={value!r}; it is a number of seconds") from None
