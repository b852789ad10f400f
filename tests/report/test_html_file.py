"""A view with its data as one file: what is in it runs only as it was built."""

import base64
import hashlib
import re

import pytest

from runlake.errors import NotSupportedError
from runlake.report.html_file import html_file


def digest(text):
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def test_the_policy_names_the_script_and_the_style_and_nothing_else(tmp_path):
    (tmp_path / "report.js").write_text("const end = '</script>', begin = '<!--';")
    (tmp_path / "report.css").write_text("p { color: {red}; }")
    text = html_file(b'{"name":"</script><b>"}', "a <b>", tmp_path).decode()
    script = "const end = '<\\/script>', begin = '<\\!--';"
    (policy,) = re.findall(r'http-equiv="Content-Security-Policy" content="([^"]*)"', text)
    assert policy == (
        f"default-src 'none'; script-src '{digest(script)}'; style-src '{digest('p { color: {red}; }')}'; "
        "img-src data: blob:; base-uri 'none'; form-action 'none'"
    )
    assert f"<script>{script}</script>" in text
    assert "<title>a &lt;b&gt;</title>" in text
    assert '<script type="application/json" id="report">{"name":"\\u003c/script>\\u003cb>"}</script>' in text


def test_the_licences_of_what_is_in_the_script_go_with_it(tmp_path):
    for name in ("report", "assets"):
        (tmp_path / name).mkdir()
    (tmp_path / "report" / "report.js").write_text("")
    (tmp_path / "report" / "report.css").write_text("")
    assert "licenses" not in html_file(b"{}", "", tmp_path / "report").decode()
    (tmp_path / "assets" / "licenses.txt").write_text("preact: <MIT>")
    assert (
        '<script type="text/plain" id="licenses">preact: &lt;MIT></script>'
        in html_file(b"{}", "", tmp_path / "report").decode()
    )


def test_without_the_built_page_it_says_what_to_do(tmp_path):
    with pytest.raises(NotSupportedError, match="make page"):
        html_file(b"{}", "", tmp_path)
