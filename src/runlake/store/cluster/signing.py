"""Addresses of a bucket that permit one request, headers and query included: AWS's Signature Version 4.

obstore signs a method and a key, and nothing else. Its address says all that goes into another signature but the
secret: the server, the path, the region, whose key it is.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from datetime import UTC, datetime
from urllib.parse import parse_qs, quote, urlsplit

_ALGORITHM = "AWS4-HMAC-SHA256"
_TOKEN = "X-Amz-Security-Token"
_UNRESERVED = "-_.~"


def key_id_of(address: str) -> str:
    """Whose key signed an address; empty for one that is not signed."""
    return _credential_of(parse_qs(urlsplit(address).query)).partition("/")[0]


def signed_again(
    address: str,
    secret: str,
    *,
    method: str,
    valid_s: float,
    headers: Mapping[str, str] = {},
    query: Mapping[str, str] = {},
    now: datetime | None = None,
) -> str:
    """The address of the same object for `method` with these `headers`, which must be sent so, and this `query`."""
    parts = urlsplit(address)
    said = parse_qs(parts.query)
    key_id, _, region, service, ending = _credential_of(said).rsplit("/", 4)
    at = (now or datetime.now(UTC)).strftime("%Y%m%dT%H%M%SZ")
    scope = f"{at[:8]}/{region}/{service}/{ending}"
    signed = {"host": parts.netloc, **{name.lower(): " ".join(value.split()) for name, value in headers.items()}}
    names = ";".join(sorted(signed))
    asked = {
        **query,
        **{name: values[0] for name, values in said.items() if name == _TOKEN},
        "X-Amz-Algorithm": _ALGORITHM,
        "X-Amz-Credential": f"{key_id}/{scope}",
        "X-Amz-Date": at,
        "X-Amz-Expires": str(int(valid_s)),
        "X-Amz-SignedHeaders": names,
    }
    text = "&".join(f"{name}={value}" for name, value in sorted((_quoted(n), _quoted(v)) for n, v in asked.items()))
    lines = "".join(f"{name}:{signed[name]}\n" for name in sorted(signed))
    request = "\n".join((method, parts.path, text, lines, names, "UNSIGNED-PAYLOAD"))
    wanted = "\n".join((_ALGORITHM, at, scope, hashlib.sha256(request.encode()).hexdigest()))
    key = f"AWS4{secret}".encode()
    for part in scope.split("/"):
        key = _hmac(key, part)
    return f"{parts.scheme}://{parts.netloc}{parts.path}?{text}&X-Amz-Signature={_hmac(key, wanted).hex()}"


def _credential_of(query: Mapping[str, list[str]]) -> str:
    return query.get("X-Amz-Credential", [""])[0]


def _quoted(text: str) -> str:
    return quote(text, safe=_UNRESERVED)


def _hmac(key: bytes, text: str) -> bytes:
    return hmac.new(key, text.encode(), hashlib.sha256).digest()
