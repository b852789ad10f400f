"""The document that describes the native API, out of the types of its handlers."""

from __future__ import annotations

from typing import Any

import msgspec
from litestar import Request
from litestar.openapi import OpenAPIConfig
from litestar.openapi.plugins import JsonRenderPlugin, YamlRenderPlugin

from runlake.version import __version__

SCHEMA_PATH = "/api/v1/schema"


def openapi_config() -> OpenAPIConfig:
    """The document only: the pages that show it load programs of other hosts, which `http.headers` forbids."""
    return OpenAPIConfig(
        title="runlake",
        version=__version__,
        path=SCHEMA_PATH,
        use_handler_docstrings=True,
        render_plugins=[JsonRenderPlugin(), _PlainYaml()],
    )


class _PlainYaml(YamlRenderPlugin):
    """The OpenAPI document as YAML of JSON's types: Litestar's own has Python's tuples in it, which no reader takes."""

    def render(self, request: Request[Any, Any, Any], openapi_schema: dict[str, Any]) -> bytes:
        """The document, with the same content as the one in JSON."""
        return super().render(request, msgspec.json.decode(self.render_json(request, openapi_schema)))
