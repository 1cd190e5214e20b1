"""Web addresses: which are asked, and which never.

https anywhere, plain http on this machine only: on the way anybody could change or withhold what
is asked for. Addresses with a name or password in them are refused: they show up in logs.
"""

import ipaddress
import urllib.parse
from collections.abc import Mapping

from repro_sign.errors import UsageError
from repro_sign.escaping import printable


def split(text: str) -> urllib.parse.SplitResult:
    """Take a web address apart. Raises `UsageError` if it is none, or holds a password."""
    shown = printable(text)
    try:
        parts = urllib.parse.urlsplit(text)
        named = bool(parts.scheme and parts.hostname) and parts.port != 0
    except ValueError as error:
        raise UsageError(f"{shown} is not a web address") from error
    if not named or not text.isascii() or any(one <= " " or one == "\x7f" for one in text):
        raise UsageError(f"{shown} is not a web address")
    if "@" in parts.netloc:
        raise UsageError(
            "a name or password in a web address is refused: it would show up in logs",
            hint=f"write the address of {printable(parts.hostname or '')} without it",
        )
    return parts


def below(url: str, path: str) -> str:
    """Return the address of a path below one that ends with a slash."""
    return url + urllib.parse.quote(path)


def with_query(url: str, query: Mapping[str, str]) -> str:
    """Return an address with a question behind it."""
    return f"{url}?{urllib.parse.urlencode(query)}" if query else url


def check(url: str) -> None:
    """Raise `UsageError` unless this address may be asked: https, or http on this machine."""
    parts = split(url)
    if parts.scheme == "https" or (parts.scheme == "http" and is_loopback(parts.hostname)):
        return
    if parts.scheme != "http":
        raise UsageError(f"{printable(url)}: only https addresses are asked")
    raise UsageError(
        f"{printable(url)}: plain http is for this machine only; on the way, anybody could change"
        " or withhold what is asked for",
        hint="ask by https",
    )


def is_loopback(host: str | None) -> bool:
    """Whether a host is this machine by its very name: `localhost`, 127.0.0.0/8, ::1."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host or "").is_loopback
    except ValueError:
        return False


def without_secrets(url: str) -> str:
    """Return an address without user, password and question; nothing if it names no host."""
    try:
        parts = urllib.parse.urlsplit(url)
        port = f":{parts.port}" if parts.port else ""
    except ValueError:
        return ""
    if not parts.hostname or parts.scheme == "file":
        return ""
    bare = (parts.scheme, f"{parts.hostname}{port}", parts.path, "", "")
    return urllib.parse.urlunsplit(bare)


def host_of(url: str) -> str:
    """Return the host that an address names."""
    return urllib.parse.urlsplit(url).hostname or ""


def server_of(url: str) -> str:
    """Name a server in messages: without path and question."""
    parts = urllib.parse.urlsplit(url)
    return printable(f"{parts.scheme}://{parts.netloc}")
