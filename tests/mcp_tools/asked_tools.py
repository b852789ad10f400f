"""Tools that are called through a client: what they say, as Python values."""

import json

from runlake.mcp.answers import MAX_ANSWER_BYTES


class Refused(Exception):
    """The text of an answer that is an error."""


class Asking:
    """Calls tools of the server that a client is connected to."""

    def __init__(self, portal, client):
        self._portal, self.client = portal, client

    def tools(self):
        """The declared tools by their names."""
        return {tool.name: tool for tool in self._portal.call(self.client.list_tools).tools}

    def __call__(self, name, /, **arguments):
        """The document that a tool answers; `Refused` for an error. No answer is too long."""
        answer = self._portal.call(self.client.call_tool, name, arguments)
        (content,) = answer.content
        assert len(content.text.encode()) <= MAX_ANSWER_BYTES
        if answer.is_error:
            raise Refused(content.text)
        return json.loads(content.text)

    def text(self, name, /, **arguments):
        """What a tool says, as it is."""
        return self._portal.call(self.client.call_tool, name, arguments).content[0].text
