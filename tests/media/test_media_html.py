import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runlake.errors import BadValueError, CorruptError
from runlake.media.html import INJECTED, Html, store_pages
from runlake.media.read import read_media


def test_the_stored_form_of_a_page(files):
    value = Html("<p>hello", inject=False).stored(files.write, "val/page", 3)
    ((path, content),) = files.items()
    assert path == f"media/html/val/page_3_{value['sha256'][:20]}.html"
    assert content == b"<p>hello"
    assert value == {"_type": "html-file", "path": path, "sha256": value["sha256"], "size": 8}


@pytest.mark.parametrize(
    ("text", "stored"),
    [
        ("<p>", f"{INJECTED}<p>"),
        ("<html lang='en'><p>", f"<html lang='en'>{INJECTED}<p>"),
        ("<!DOCTYPE html>\n<HTML><HEAD>\n<title>", f"<!DOCTYPE html>\n<HTML><HEAD>{INJECTED}\n<title>"),
        ("<!doctype html><p>", f"<!doctype html>{INJECTED}<p>"),
        ("<header>x</header>", f"{INJECTED}<header>x</header>"),
    ],
)
def test_the_stored_page_says_its_character_set(files, text, stored):
    value = Html(text).stored(files.write, "k", 0)
    assert files[value["path"]].decode() == stored
    assert value["injected"] is True
    assert read_media(value, files.open).html == text


PIECES = st.sampled_from(["<head>", "<html>", "<!doctype html>", INJECTED, "<p>", "é", "\r\n"])


@given(st.lists(PIECES | st.text(st.characters()), max_size=6).map("".join), st.booleans())
def test_a_page_comes_back_as_it_went_in(new_files, text, inject):
    files = new_files()
    value = Html(text, inject=inject, data_is_not_path=True).stored(files.write, "k", 0)
    assert read_media(value, files.open).html == text


def test_a_page_can_be_given_as_text_path_or_file(tmp_path, monkeypatch):
    path = tmp_path / "page.html"
    path.write_bytes("<p>é\r\n".encode())
    monkeypatch.chdir(tmp_path)
    sources = [path, str(path), "page.html", "<p>é\r\n", "<p>é\r\n".encode(), io.StringIO("<p>é\r\n", newline="")]
    with path.open("rb") as opened:
        assert [Html(source).html for source in [*sources, opened]] == ["<p>é\r\n"] * 7
    assert Html("page.html", data_is_not_path=True).html == "page.html"


@pytest.mark.parametrize("text", ["", "no such file", "x" * 10_000, "a\0b", "two\nlines"])
def test_text_that_names_no_file_is_text(text):
    assert Html(text).html == text


def test_what_is_no_page_is_refused(tmp_path):
    with pytest.raises(BadValueError, match="No such file"):
        Html(tmp_path / "missing.html")
    with pytest.raises(BadValueError, match="given a int"):
        Html(5)
    with pytest.raises(BadValueError, match="not UTF-8"):
        Html(b"\xff")


def test_several_pages_are_stored_as_one_value(files):
    value = store_pages([Html("a"), Html("b")], files.write, "k", 0)
    assert (value["_type"], value["count"], [page["path"] for page in value["html"]]) == ("html", 2, list(files))
    assert [page.html for page in read_media(value, files.open)] == ["a", "b"]


def test_a_page_that_changed_is_found(files):
    value = Html("a").stored(files.write, "k", 0)
    files[value["path"]] += b"!"
    with pytest.raises(CorruptError):
        read_media(value, files.open)


def test_the_notebook_shows_the_page_in_a_frame_of_its_own():
    page = Html('<script>alert("x")</script>')
    assert 'srcdoc="&lt;script&gt;alert(&quot;x&quot;)&lt;/script&gt;"' in page._repr_html_()
    assert "sandbox=" in page._repr_html_()
    assert repr(page) == "Html(27 characters)"
