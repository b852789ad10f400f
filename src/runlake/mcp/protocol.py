"""The tools as a server of the Model Context Protocol, whatever carries its messages. Only this and `stdio` load it."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import mcp_types
from mcp.server.context import ServerRequestContext
from mcp.server.lowlevel import Server

from runlake.clean_text import lines
from runlake.errors import RunlakeError
from runlake.mcp.answers import MAX_CHARACTERS, cut_text
from runlake.mcp.tool import Tool
from runlake.mcp.tools import INSTRUCTIONS, tools_of
from runlake.version import __version__

Context = ServerRequestContext[Any, Any]

Answering = Callable[[Context, str, Mapping[str, Any]], Awaitable[str]]
"""Answers a call of a tool, by its name and arguments, for who is behind the context."""

_logger = logging.getLogger("runlake.mcp")


def build_server(answer: Answering, may_edit: Callable[[Context], bool]) -> Server[Any]:
    """A server whose tools are answered by `answer`; those that edit are listed for whom `may_edit` says so.

    Errors of ours are the answer of a tool, as text, so that a model can read what to do.
    """

    async def list_tools(context: Context, _: Any) -> mcp_types.ListToolsResult:
        tools = tools_of(may_edit=may_edit(context))
        return mcp_types.ListToolsResult(tools=[_declared(tool) for tool in tools])

    async def call_tool(context: Context, asked: mcp_types.CallToolRequestParams) -> mcp_types.CallToolResult:
        try:
            return _said(await answer(context, asked.name, asked.arguments or {}))
        except RunlakeError as error:
            return _said(f"{type(error).__name__}: {error}", is_error=True)
        except OSError as error:  # without the path: a server's disk is nobody's business
            return _said(f"{type(error).__name__}: {error.strerror or 'the disk did not do it'}", is_error=True)
        except Exception as error:
            _logger.exception("a tool failed", extra={"fields": {"tool": asked.name[:100]}})
            return _said(f"an unexpected {type(error).__name__} in runlake; its log says more", is_error=True)

    return Server(
        "runlake",
        version=__version__,
        instructions=INSTRUCTIONS,
        on_list_tools=list_tools,
        on_call_tool=call_tool,
    )


def _declared(tool: Tool) -> mcp_types.Tool:
    return mcp_types.Tool(
        name=tool.name,
        description=tool.description,
        input_schema=tool.schema(),
        annotations=mcp_types.ToolAnnotations(
            read_only_hint=not tool.is_edit,
            destructive_hint=tool.is_edit,
            idempotent_hint=True,
            open_world_hint=False,
        ),
    )


def _said(text: str, *, is_error: bool = False) -> mcp_types.CallToolResult:
    shown = cut_text(lines(text), 2 * MAX_CHARACTERS) if is_error else text
    return mcp_types.CallToolResult(content=[mcp_types.TextContent(type="text", text=shown)], is_error=is_error)
