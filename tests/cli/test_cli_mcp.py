"""`runlake mcp` where it cannot be; where it can, see `tests/mcp_tools`."""

import sys


def test_without_the_package_the_command_says_what_to_install(runlake, tmp_path, monkeypatch):
    monkeypatch.delitem(sys.modules, "runlake.mcp.stdio", raising=False)
    monkeypatch.delitem(sys.modules, "runlake.mcp.protocol", raising=False)
    monkeypatch.setitem(sys.modules, "mcp_types", None)
    assert runlake("mcp", tmp_path) == (
        7,
        "",
        "runlake: runlake mcp needs the package 'mcp', which is not installed; run: pip install 'runlake[mcp]'\n",
    )
