"""A built page as small as one can be, and a browser's requests to whoever serves it."""

import gzip

import httpx

from waiting import DEADLINE_S

INDEX = '<!doctype html><script type="module" src="./page/assets/main-1a2b.js"></script>'
SCRIPT = "console.log('runs');\n" * 100
FROM_PAGE = {"Sec-Fetch-Site": "same-origin", "Sec-Fetch-Mode": "cors"}


def make_page(folder):
    """The folder that a build leaves."""
    (folder / "assets").mkdir(parents=True)
    (folder / "index.html").write_text(INDEX)
    (folder / "assets" / "main-1a2b.js").write_text(SCRIPT)
    (folder / "assets" / "main-1a2b.js.gz").write_bytes(gzip.compress(SCRIPT.encode(), mtime=0))
    (folder / "assets" / "icon-3c4d.svg").write_text("<svg xmlns='http://www.w3.org/2000/svg'/>")
    (folder / "assets" / "licenses.txt").write_text("preact: MIT\n")
    (folder / "secret.txt").write_text("not a part of the page")
    return folder


def browser(url, **headers):
    """Keeps cookies and says of each request that the page itself sent it."""
    return httpx.Client(base_url=url, headers={**FROM_PAGE, **headers}, timeout=DEADLINE_S)


def told(response):
    """The status of an answer, and the kind of error in it."""
    return response.status_code, response.json()["error"]["type"] if response.content else None
