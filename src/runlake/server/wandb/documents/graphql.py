"""A GraphQL document in, plain data out: what stands behind ``POST /graphql``."""

from __future__ import annotations

import functools
import logging
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import resources
from typing import Any, TypeVar

from graphql import (
    DocumentNode,
    FieldNode,
    FieldsOnCorrectTypeRule,
    GraphQLError,
    GraphQLSchema,
    NoUnusedFragmentsRule,
    NoUnusedVariablesRule,
    OperationDefinitionNode,
    OperationType,
    build_schema,
    execute_sync,
    parse,
    specified_rules,
    validate,
)

from runlake.clean_text import lines
from runlake.errors import (
    BadValueError,
    BusyError,
    CorruptError,
    NewerFormatError,
    NotSupportedError,
    RunlakeError,
    StoreError,
    UnreachableError,
)
from runlake.lru import LruCache
from runlake.server.http.asgi import Scope
from runlake.server.http.costs import charge
from runlake.server.http.problems import forget_frames
from runlake.server.wandb.context import RequestContext, ResolveInfo
from runlake.server.wandb.documents.limits import MAX_DOCUMENT_CHARACTERS, MAX_TOKENS, check_document, cost_of
from runlake.server.wandb.documents.scalars import define_scalars
from runlake.server.wandb.mutations.given import define_inputs
from runlake.server.wandb.nodes.query_root import QueryRoot
from runlake.stopping import check_wanted

logger = logging.getLogger(__name__)

T = TypeVar("T")

Answer = dict[str, Any]
RootOf = Callable[[RequestContext], object]

MAX_KEPT_CHARACTERS = 500_000
"""So much text of documents is kept parsed; those that were not sent longest go first."""

MAX_ERRORS = 20

SCHEMA_FILES = ("schema.graphql", "artifacts.graphql")

_TOPICS = (
    (
        re.compile(r"registr|projectMember|teamMembers|^(Entity|Organization)\.\w*(artifact|projects)", re.I),
        "registries are",
    ),
    (re.compile(r"artifact", re.I), "this part of artifacts is"),
    (re.compile(r"\.\w*(sweep|agent|controller)", re.I), "sweeps whose search is done elsewhere are"),
    (re.compile(r"\.\w*(queue|launch|resourceConfig)", re.I), "launch queues are"),
    (re.compile(r"\.\w*(automation|trigger|integration|webhook)", re.I), "automations are"),
    (re.compile(r"chart", re.I), "custom charts are"),
    (re.compile(r"view|report|accessToken", re.I), "this part of reports is"),
)
"""What is missing, by ``Type.field``; the first that is found there says what that is about."""


def not_supported(type_name: str, field_name: str) -> NotSupportedError:
    """The error of a field that W&B has and runlake has not, or not yet."""
    field = f"{type_name}.{field_name}"
    topic = next((words for pattern, words in _TOPICS if pattern.search(field)), "this is")
    return NotSupportedError(f"{topic} not supported yet by runlake: {field}")


@dataclass(frozen=True, slots=True)
class Prepared:
    """An operation that may be executed: of which document, with which variables, and what it costs."""

    document: DocumentNode
    operation: OperationDefinitionNode
    variables: dict[str, Any]
    cost: int


@dataclass(frozen=True, slots=True)
class _Checked:
    """A document that may be executed, or the answer that says why not."""

    document: DocumentNode | None
    refusal: Answer | None = None


class GraphQL:
    """Executes documents against the schema; threads may share it.

    `mutations` makes the object whose methods are the fields of ``Mutation``; a field that it lacks is not supported.
    """

    def __init__(self, *, mutations: RootOf, queries: RootOf = QueryRoot) -> None:
        self._roots = {OperationType.QUERY: queries, OperationType.MUTATION: mutations}
        self._schema = load_schema()
        self._kept: LruCache[str, _Checked] = LruCache(MAX_KEPT_CHARACTERS, size_of=lambda text, _: len(text))

    def execute(
        self, document: str, variables: Mapping[str, Any] | None, operation_name: str | None, context: RequestContext
    ) -> Answer:
        """What ``POST /graphql`` answers: ``data``, ``errors`` or both. It never raises.

        Errors carry a ``code`` in their extensions. One that nobody has foreseen is logged, and told without details.
        """
        prepared = self.prepare(document, variables, operation_name, {})
        return prepared if isinstance(prepared, dict) else self.run(prepared, context)

    def prepare(
        self, document: str, variables: Mapping[str, Any] | None, operation_name: str | None, scope: Scope
    ) -> Prepared | Answer:
        """Read a document without doing anything for it; the answer where there is nothing to be done.

        What it costs is charged to the request of this `scope`.
        """
        return _answered(lambda: self._prepare(document, variables, operation_name, scope))

    def run(self, prepared: Prepared, context: RequestContext) -> Answer:
        """Execute what was prepared; as `execute` has it."""
        return _answered(lambda: self._run(prepared, context))

    def _prepare(
        self, document: str, variables: Mapping[str, Any] | None, operation_name: str | None, scope: Scope
    ) -> Prepared | Answer:
        checked = self._checked(document)
        if checked.document is None:
            return checked.refusal or {}
        if variables is not None and not isinstance(variables, Mapping):
            raise BadValueError('the variables of a document are an object, like {"name": "r1"}')
        operation = _operation_named(checked.document, operation_name or None)
        given = dict(variables or {})
        cost = cost_of(checked.document, operation, given)
        charge(scope, cost, advice="ask for fewer items a page (first) or in its lists, or for fewer fields of each")
        return Prepared(checked.document, operation, given, cost)

    def _run(self, prepared: Prepared, context: RequestContext) -> Answer:
        name = prepared.operation.name
        result = execute_sync(
            self._schema,
            prepared.document,
            self._roots[prepared.operation.operation](context),
            context,
            prepared.variables,
            name.value if name else None,
            field_resolver=resolve_field,
            type_resolver=_type_name_of,
        )
        answer: Answer = {}
        if result.errors:
            answer["errors"] = [_describe_execution(error) for error in result.errors[:MAX_ERRORS]]
        if result.data is not None or not result.errors or any(error.path for error in result.errors):
            answer["data"] = result.data
        return answer

    def _checked(self, text: Any) -> _Checked:
        if not isinstance(text, str) or not text.strip():
            raise BadValueError('there is no query: send {"query": "…", "variables": {…}}')
        if len(text) > MAX_DOCUMENT_CHARACTERS:
            raise BadValueError(
                f"the document has {len(text):,} characters, and {MAX_DOCUMENT_CHARACTERS:,} are allowed; "
                "values belong into variables"
            )
        checked = self._kept.get(text)
        if checked is None:
            checked = self._check(text)
            self._kept.put(text, checked)
        return checked

    def _check(self, text: str) -> _Checked:
        try:
            document = parse(text, no_location=True, max_tokens=MAX_TOKENS)
            check_document(document)
            errors = validate(self._schema, document, RULES, max_errors=MAX_ERRORS)
        except GraphQLError as error:
            return _Checked(None, _refusal([_message(error.message, "GRAPHQL_PARSE_FAILED")]))
        except BadValueError as error:
            return _Checked(None, _refusal([_describe(error)]))
        except RecursionError:
            return _Checked(None, _refusal([_message("the document is nested too deep to be read", "BAD_VALUE")]))
        if not errors:
            return _Checked(document)
        # What is missing here says more than the types that are missing because of it.
        named = [error for error in errors if isinstance(error.original_error, RunlakeError)]
        return _Checked(None, _refusal([_describe_execution(error) for error in named or errors]))


@functools.cache
def load_schema() -> GraphQLSchema:
    """The schema of the files beside this package, its scalars defined; nobody changes it."""
    folder = resources.files("runlake.server.wandb")
    text = "\n".join(folder.joinpath(name).read_text("utf-8") for name in SCHEMA_FILES)
    schema = build_schema(text, no_location=True)
    define_scalars(schema)
    define_inputs(schema)
    return schema


def resolve_field(source: Any, info: ResolveInfo, **arguments: Any) -> Any:
    """The attribute or method of `source` that is named like the field; `NotSupportedError` when it has none."""
    check_wanted()
    name = info.field_name
    if isinstance(source, Mapping):
        return source.get(name)
    try:
        value = getattr(source, name)
    except AttributeError:
        if hasattr(type(source), name):
            raise
        raise not_supported(info.parent_type.name, name) from None
    return value(info, **arguments) if callable(value) else value


def _type_name_of(source: Any, *_: Any) -> str:
    """Which of several types a node is of."""
    return str(source.type_name)


class _KnownFieldsRule(FieldsOnCorrectTypeRule):
    """Names what W&B has and this server has not."""

    def enter_field(self, node: FieldNode, *_args: Any) -> None:
        parent = self.context.get_parent_type()
        if parent is None or self.context.get_field_def() is not None:
            return
        error = not_supported(parent.name, node.name.value)
        self.report_error(GraphQLError(str(error), node, original_error=error))


RULES = tuple(
    _KnownFieldsRule if rule is FieldsOnCorrectTypeRule else rule
    for rule in specified_rules
    if rule not in (NoUnusedVariablesRule, NoUnusedFragmentsRule)
)
"""GraphQL's own, except that clients may send what they do not use."""


def _operation_named(document: DocumentNode, name: str | None) -> OperationDefinitionNode:
    operations = [one for one in document.definitions if isinstance(one, OperationDefinitionNode)]
    named = [one for one in operations if name is None or (one.name and one.name.value == name)]
    if len(named) != 1:
        found = ", ".join(one.name.value if one.name else "one without a name" for one in operations) or "none"
        asked = f"the operation {name!r} was asked for" if name else "no operation was named"
        raise BadValueError(f"{asked}, and the document has: {found}")
    if named[0].operation is OperationType.SUBSCRIPTION:
        raise NotSupportedError("subscriptions are not supported by runlake")
    return named[0]


def _answered(work: Callable[[], T]) -> T | Answer:
    """What `work` returns; errors as an answer."""
    try:
        return work()
    except RunlakeError as error:
        forget_frames(error)
        return _refusal([_describe(error)])
    except Exception:
        logger.exception("a GraphQL document could not be executed")
        return _refusal([_internal_error()])


def _refusal(errors: list[Answer]) -> Answer:
    return {"errors": errors}


def _describe_execution(error: GraphQLError) -> Answer:
    original = error.original_error
    is_passing = isinstance(original, StoreError | BusyError | UnreachableError)
    if is_passing and not isinstance(original, CorruptError | NewerFormatError):
        described = _message(str(original), "UNAVAILABLE")
    elif isinstance(original, RunlakeError):
        described = _describe(original)
    elif original is None or isinstance(original, GraphQLError):
        described = _message(error.message, "BAD_REQUEST")
    elif isinstance(original, OSError | MemoryError):
        logger.error("the GraphQL field %s failed", error.path, exc_info=original)
        described = _message("the server's disk did not do it; trying again is safe", "UNAVAILABLE")
    else:
        logger.error("the GraphQL field %s failed", error.path, exc_info=original)
        described = _internal_error()
    if error.path:
        described["path"] = error.path
    return described


def _describe(error: RunlakeError) -> Answer:
    name = type(error).__name__.removesuffix("Error")
    return _message(str(error), re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).upper())


def _internal_error() -> Answer:
    return _message("internal error; the server's log says more", "INTERNAL")


def _message(text: str, code: str) -> Answer:
    return {"message": lines(text), "extensions": {"code": code}}
