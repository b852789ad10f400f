"""What a run does not keep of how it was started: values that are called a password, a token or a key. Pure.

The list is short on purpose: it goes by the names of options, variables, query parameters and files alone, never by
how a value looks, so that nobody wonders why an ordinary argument is missing. It guards the metadata and
``diff.patch``; what a script logs, prints or puts into its config is kept as it is.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

HIDDEN = "***"

_WORD = (
    "(?:pass(?:word|wd|phrase)|passwords|pwd|secrets?|token|credentials?|"
    "(?:api|access|private|secret|auth|account|signing|encryption)_?keys?|authorization|signature)"
)
_NAME = rf"(?:^|_){_WORD}(?:_(?:value|string|base64))?$"
_OF_LANGUAGE_MODELS = r"(?:^|_)(?:pad|eos|bos|unk|mask|sep|cls|special|new|first|last|next|per)_token$"
_OPTION = r"[-+/]{0,2}([\w.-]{1,100})"
_USER = r"(?i)\b(https?://|[a-z][a-z0-9+.-]{0,20}://(?=[^/@\s:]{0,200}:))[^/@\s]{1,500}@"
SECRET_QUERY = rf"(?i)([?&;](?:[\w.-]{{0,60}}[-_.])?{_WORD.replace('_?', '[-_.]?')}=)[^&;#\s]*"
"""A parameter of a query that is called so, and its value."""

SECRET_FILES = tuple(
    pattern
    for patterns in (
        ".env .env.* *.env .envrc .netrc _netrc .pgpass .pypirc .npmrc .htpasswd .dockercfg .git-credentials",
        "credentials credentials.json client_secret*.json service_account*.json",
        "secrets.toml secrets.yaml secrets.yml secrets.json kubeconfig",
        "id_rsa id_dsa id_ecdsa id_ed25519 *.pem *.key *.ppk *.p12 *.pfx *.jks *.keystore *.kdbx",
        ".aws/* .ssh/* .gnupg/* .kube/*",
    )
    for pattern in patterns.split()
)
"""Names of files whose content is not kept in ``diff.patch``, as patterns of git, whatever their case and folder."""


def hide_in_args(args: Sequence[str]) -> list[str]:
    """The arguments of a command, with ``***`` for what an option or a variable gives that is called a secret."""
    shown: list[str] = []
    is_value = False
    for arg in args:
        name, mark, value = arg.partition("=")
        if is_value and not arg.startswith("--"):
            shown.append(HIDDEN)
            is_value = False
        else:
            is_secret = _is_secret(name)
            is_value = is_secret and not mark and name.startswith("-")
            shown.append(f"{name}={HIDDEN}" if is_secret and value else hide_in_url(arg))
    return shown


def hide_in_url(text: str) -> str:
    """An address without who signs in there and without tokens in its query."""
    if "://" not in text and "?" not in text:
        return text
    return re.sub(SECRET_QUERY, rf"\g<1>{HIDDEN}", re.sub(_USER, rf"\g<1>{HIDDEN}@", text))


def _is_secret(name: str) -> bool:
    option = re.fullmatch(_OPTION, name)
    if option is None:
        return False
    plain = re.sub("[-.]", "_", option[1]).lower()
    return re.search(_NAME, plain) is not None and re.search(_OF_LANGUAGE_MODELS, plain) is None


def excluding_pathspecs() -> list[str]:
    """For git: everything but the files with secrets."""
    return [":/", *(f":(top,exclude,icase,glob)**/{pattern}" for pattern in SECRET_FILES)]


def only_pathspecs() -> list[str]:
    """For git: the files with secrets alone."""
    return [f":(top,icase,glob)**/{pattern}" for pattern in SECRET_FILES]
