"""Keys of servers in netrc, and who wins."""

import netrc
import stat

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runlake.credentials import find_key, forget_key, keep_key, netrc_path
from runlake.errors import BadValueError

URL = "http://runs.example.com:8080"
KEY = "local-" + "a" * 40
OTHERS = """# mine
machine github.com login ann password "a b#c"  # work
macdef upload
  machine runs.example.com:8080 password wrong

machine old.example.com
  password 1
  account x
default login anonymous password guest
"""


@pytest.fixture
def home(tmp_path):
    return {"HOME": str(tmp_path)}


def test_a_kept_key_is_found_for_its_host_and_for_no_other(home, tmp_path):
    assert keep_key(URL, KEY, home) == tmp_path / ".netrc"
    assert find_key(URL, home) == find_key("https://runs.example.com:8080/", home) == KEY
    assert find_key("http://elsewhere:8080", home) is None
    assert find_key("http://runs.example.com:9090", home) is None


def test_servers_on_one_host_have_keys_of_their_own_or_that_of_the_host(home):
    keep_key("http://localhost", "h" * 40, home)
    keep_key("http://localhost:8080", KEY, home)
    assert find_key("http://localhost:8080", home) == KEY
    assert find_key("http://localhost:9090", home) == "h" * 40
    assert find_key("http://[::1]:9090", home) is None


def test_tools_that_read_netrc_find_it_too(home, tmp_path):
    keep_key(URL, KEY, home)
    assert netrc.netrc(tmp_path / ".netrc").authenticators("runs.example.com:8080") == ("user", "", KEY)


def test_only_the_owner_may_read_the_file(home, tmp_path):
    path = tmp_path / ".netrc"
    path.write_text(OTHERS)
    path.chmod(0o644)
    keep_key(URL, KEY, home)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_other_entries_stay_byte_for_byte(home, tmp_path):
    path = tmp_path / ".netrc"
    path.write_bytes(OTHERS.encode() + b"# \xff\r\n")
    keep_key(URL, KEY, home)
    assert path.read_bytes().endswith(OTHERS.encode() + b"# \xff\r\n")
    assert find_key("https://github.com", home) == "a b#c"
    keep_key(URL, "b" * 40, home)
    assert find_key(URL, home) == "b" * 40
    assert path.read_text("latin-1").count("runs.example.com") == 2
    assert forget_key(URL, home)
    assert path.read_bytes() == OTHERS.encode() + b"# \xff\r\n"
    assert not forget_key(URL, home)


def test_an_entry_in_the_middle_is_replaced_in_its_place(home, tmp_path):
    path = tmp_path / ".netrc"
    path.write_text("machine a login x password 1\nmachine b login x password 2 # b\nmachine c login x password 3\n")
    keep_key("http://b", KEY, home)
    assert path.read_text() == (
        f"machine a login x password 1\nmachine b\n  login user\n  password {KEY} # b\nmachine c login x password 3\n"
    )


def test_a_link_to_the_file_stays_a_link(home, tmp_path):
    real = tmp_path / "dotfiles" / "netrc"
    real.parent.mkdir()
    real.write_text("machine a login x password 1\n")
    (tmp_path / ".netrc").symlink_to(real)
    keep_key(URL, KEY, home)
    assert (tmp_path / ".netrc").is_symlink()
    assert KEY in real.read_text()


def test_the_variable_names_another_file(home, tmp_path):
    environ = {**home, "NETRC": str(tmp_path / "elsewhere")}
    keep_key(URL, KEY, environ)
    assert netrc_path(environ).read_text().startswith("machine runs.example.com:8080\n")
    assert find_key(URL, home) is None


def test_variables_come_before_netrc_and_ours_before_those_of_wandb(home):
    keep_key(URL, KEY, home)
    wandb, ours = {"WANDB_API_KEY": "w" * 40}, {"RUNLAKE_API_KEY": "r" * 40}
    assert find_key(URL, {**home, **wandb}) == "w" * 40
    assert find_key(URL, {**home, **wandb, **ours}) == "r" * 40
    assert find_key(URL, {**home, "WANDB_API_KEY": "", "RUNLAKE_API_KEY": ""}) == KEY


def test_a_key_of_another_wandb_server_is_not_sent_here(home):
    environ = {**home, "WANDB_API_KEY": "w" * 40}
    assert find_key(URL, {**environ, "WANDB_BASE_URL": "https://api.example.org"}) is None
    assert find_key(URL, {**environ, "WANDB_BASE_URL": "https://runs.example.com:8080/"}) == "w" * 40


@pytest.mark.parametrize("url", ["", "runs.example.com", "file:///srv", "ftp://x"])
def test_what_is_no_address_is_said(home, url):
    with pytest.raises(BadValueError, match="is no address of a server"):
        find_key(url, home)


@pytest.mark.parametrize("key", ["", "a b", "a\nmachine x", "ä"])
def test_a_key_that_would_break_the_file_is_refused(home, key):
    with pytest.raises(BadValueError, match="the key holds"):
        keep_key(URL, key, home)


@given(st.text(alphabet=st.characters(codec="utf-8")))
def test_whatever_is_in_the_file_stays_and_the_key_is_found(tmp_path_factory, text):
    environ = {"HOME": str(tmp_path_factory.mktemp("home"))}
    path = netrc_path(environ)
    path.write_bytes(text.encode())
    keep_key("http://h", KEY, environ)
    assert find_key("http://h", environ) == KEY
    forget_key("http://h", environ)
    assert path.read_bytes() == text.encode()
