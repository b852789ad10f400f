"""A view with its data as one HTML file, which opens from a disk and asks nobody."""

from __future__ import annotations

import base64
import hashlib
import html
from pathlib import Path

from runlake.errors import NotSupportedError

REPORT_FOLDER = Path(__file__).parents[1] / "page" / "report"
"""Where the build of the page puts the script and the style of such files."""

_FORM = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="referrer" content="no-referrer">
<title>{title}</title>
<style>{style}</style>
</head>
<body>
<div id="page"></div>
<noscript>This file needs JavaScript to draw what lies in it.</noscript>
{licenses}<script type="application/json" id="report">{document}</script>
<script>{script}</script>
</body>
</html>
"""


def html_file(document: bytes, title: str, folder: Path = REPORT_FOLDER) -> bytes:
    """The file; `NotSupportedError` where the page was not built.

    Its policy lets the script and the style of the file run, by their digests, and nothing be fetched from anywhere.
    """
    try:
        script = (folder / "report.js").read_text("utf-8")
        style = (folder / "report.css").read_text("utf-8")
    except FileNotFoundError:
        raise NotSupportedError(
            "this runlake was installed without its page, of which such files are made; in a checkout, build it with: "
            "make page"
        ) from None
    # In the script these stand in texts only, where a backslash changes nothing; as they are they would end it.
    script = script.replace("</", "<\\/").replace("<!--", "<\\!--")
    policy = (
        f"default-src 'none'; script-src 'sha256-{_digest(script)}'; style-src 'sha256-{_digest(style)}'; "
        "img-src data: blob:; base-uri 'none'; form-action 'none'"
    )
    return _FORM.format(
        policy=policy,
        title=html.escape(title),
        style=style,
        licenses=_licenses(folder.parent / "assets" / "licenses.txt"),
        # Of JSON all `<` are in texts: what was logged can end no element.
        document=document.decode().replace("<", "\\u003c"),
        script=script,
    ).encode()


def _licenses(path: Path) -> str:
    """What may be done with the code of others in the script, for whoever has the file; a checkout may have none."""
    if not path.is_file():
        return ""
    return f'<script type="text/plain" id="licenses">{path.read_text("utf-8").replace("<", "&lt;")}</script>\n'


def _digest(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
