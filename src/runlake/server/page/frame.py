"""A place for HTML that users logged: its scripts run there, see nothing of the page, and reach nothing.

The page shows this document in a frame and gives it the HTML as a message. The document would not do as a text within
the page (``srcdoc``): it would be under the page's own policy, which lets no script of it run. In the sandbox it has no
origin, so no cookie, no storage and no look at the page around it; its policy names no network; and the page's lets
the frame go to no other host.
"""

from __future__ import annotations

from litestar import Response, get

from runlake.server.page.embedding import SELF, EmbedFrom, framed_by

CONTENT_SECURITY_POLICY = (
    "sandbox allow-scripts; default-src 'none'; script-src 'unsafe-inline' 'unsafe-eval' data: blob:; "
    "style-src 'unsafe-inline' data:; img-src data: blob:; media-src data: blob:; font-src data:; base-uri 'none'; "
    "form-action 'none'; "
)

_DOCUMENT = b"""<!doctype html><meta charset="utf-8"><title>A page that was logged</title><script>
addEventListener("message", function show(event) {
  if (event.source !== parent) return;
  removeEventListener("message", show);
  document.open();
  document.write(event.data);
  document.close();
});
</script>
"""


@get("/page/frame", include_in_schema=False, sync_to_thread=False)
def read_frame(embed_from: EmbedFrom) -> Response[bytes]:
    """The empty document, which shows the first HTML that the page around it gives it."""
    headers = {
        "Cache-Control": "private, no-cache",
        "Content-Security-Policy": CONTENT_SECURITY_POLICY + framed_by((SELF, *embed_from)),
        "X-Frame-Options": "SAMEORIGIN",
    }
    return Response(_DOCUMENT, media_type="text/html", headers=headers)
