"""Where stores and their derived files are looked for."""

from pathlib import Path

import pytest

from runlake.store.location import cache_dir_of, find_store, is_on_network, user_cache_dir

MOUNTS = """\
22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw
30 22 0:40 / /home rw,relatime shared:2 - nfs4 server:/home rw,vers=4.2
31 30 8:2 / /home/ann/local\\040disk rw,relatime shared:3 - xfs /dev/sdb1 rw
32 22 0:41 / /mnt/bucket rw - fuse.s3fs s3fs rw
a line that is none
"""


@pytest.mark.parametrize(
    ("folder", "expected"),
    [
        ("/", False),
        ("/data/store", False),
        ("/home", True),
        ("/home/ann/store", True),
        ("/homer", False),
        ("/home/ann/local disk/store", False),
        ("/mnt/bucket/x", True),
    ],
)
def test_the_mount_table_tells_what_hosts_share(tmp_path, folder, expected):
    table = tmp_path / "mountinfo"
    table.write_text(MOUNTS)
    assert is_on_network(Path(folder), table) is expected
    assert is_on_network(Path(folder), tmp_path / "no table") is False


def test_each_platform_has_its_cache():
    home = {"HOME": "/h"}
    assert user_cache_dir(home, "linux") == Path("/h/.cache")
    assert user_cache_dir({**home, "XDG_CACHE_HOME": "/c"}, "linux") == Path("/c")
    assert user_cache_dir(home, "darwin") == Path("/h/Library/Caches")
    assert user_cache_dir({**home, "LOCALAPPDATA": "/l"}, "win32") == Path("/l/Cache")


def test_stores_do_not_share_a_cache():
    one, other = (cache_dir_of(Path(root), {"HOME": "/h"}) for root in ("/a/.runlake", "/b/.runlake"))
    assert one != other
    assert one.parent == other.parent == Path("/h/.cache/runlake")
    assert one.name.startswith("runlake-")


def test_a_home_in_the_argument_is_the_users(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    assert find_store("~/lake", {}, Path("/elsewhere")) == tmp_path / "lake"
