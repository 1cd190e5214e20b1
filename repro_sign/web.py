"""The one door to the network: https anywhere, plain http on this machine only, all bounded.

Nothing is asked unless a command was told whom to ask. Proxies are those of the usual variables
(`HTTPS_PROXY`, `NO_PROXY` …, which urllib reads); this machine itself is never asked through one.
Whom TLS believes is the system's list of authorities, or the one that `SSL_CERT_FILE` names.
"""

import http.client
import logging
import socket
import ssl
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Mapping
from concurrent.futures import Future
from typing import IO, Final

from repro_sign.errors import (
    MalformedError,
    NoAnswerError,
    NotServedError,
    RefusedError,
    ReproSignError,
    UsageError,
)
from repro_sign.escaping import printable
from repro_sign.web_address import check, is_loopback, server_of, with_query

_logger = logging.getLogger(__name__)

DEADLINE_SECONDS: Final = 30.0
"""For everything together: name, connection, redirects, and an answer that drips in."""
_SILENCE_SECONDS: Final = 10.0
"""For each step: to connect, and between two pieces of an answer."""
_MAX_REDIRECTS: Final = 5
_PIECE_BYTES: Final = 64 << 10
_NOT_THERE: Final = (404, 410)
_NO_FIELDS: Final[Mapping[str, str]] = {}


class UnknownHostError(NoAnswerError):
    """A host's name can't be resolved."""


def get(
    url: str,
    what: str,
    max_bytes: int,
    *,
    query: Mapping[str, str] = _NO_FIELDS,
    deadline: float = DEADLINE_SECONDS,
) -> bytes:
    """Ask for a document; `what` names it in errors.

    Raises `UsageError` for an address that is never asked, `NotServedError` if the server does not
    have it, `MalformedError` if it is larger than `max_bytes`, `RefusedError` if the server leads
    elsewhere, and `NoAnswerError` if there is no answer in time, or none to be believed.
    """
    check(url)
    return _ask(_request(with_query(url, query)), what, max_bytes, deadline)


def post_form(
    url: str,
    fields: Mapping[str, str],
    what: str,
    max_bytes: int,
    *,
    deadline: float = DEADLINE_SECONDS,
) -> bytes:
    """Send a form and return the answer; `what` names in errors what is sent.

    Raises as `get` does, and `RefusedError` if the server does not take it.
    """
    check(url)
    data = urllib.parse.urlencode(fields).encode("ascii")
    return _ask(_request(url, data), what, max_bytes, deadline)


def post(
    url: str,
    data: bytes,
    media_type: str,
    what: str,
    max_bytes: int,
    *,
    deadline: float = DEADLINE_SECONDS,
) -> bytes:
    """Send bytes of a media type and return the answer; `what` names in errors what is sent.

    Raises as `post_form` does.
    """
    check(url)
    request = _request(url, data)
    request.add_header("Content-Type", media_type)
    return _ask(request, what, max_bytes, deadline)


def _request(url: str, data: bytes | None = None) -> urllib.request.Request:
    return urllib.request.Request(url, data, {"User-Agent": "repro-sign"})  # noqa: S310 - checked


class _Redirects(urllib.request.HTTPRedirectHandler):
    """Follows a few redirects to places that would be asked directly, too."""

    max_redirections = _MAX_REDIRECTS

    def redirect_request(
        self,
        req: urllib.request.Request,
        fp: IO[bytes],
        code: int,
        msg: str,
        headers: http.client.HTTPMessage,
        newurl: str,
    ) -> urllib.request.Request | None:
        fp.close()  # urllib would read all of it, however long it is
        here, there = server_of(req.full_url), printable(newurl)
        if req.get_method() != "GET":
            raise RefusedError(
                f"{here} wants it to be sent elsewhere: {there}", hint="name that server"
            )
        try:
            check(newurl)
        except UsageError as error:
            raise RefusedError(f"{here} leads to where nothing is asked: {error}") from error
        if urllib.parse.urlsplit(newurl).scheme == "http" and req.type == "https":
            raise RefusedError(f"{here} leads from https to plain http: {there}")
        return super().redirect_request(req, fp, code, msg, headers, newurl)


class _Proxies(urllib.request.ProxyHandler):
    """The user's proxies, for all but this machine."""

    def proxy_open(
        self,
        req: urllib.request.Request,
        proxy: str,
        type: str,  # noqa: A002 - urllib's name
    ) -> http.client.HTTPResponse | None:
        if is_loopback(urllib.parse.urlsplit(req.full_url).hostname):
            return None
        return super().proxy_open(req, proxy, type)


def _opener() -> urllib.request.OpenerDirector:
    """Return an opener that knows http and https: no files, no ftp, no stored passwords."""
    opener = urllib.request.OpenerDirector()
    for handler in (
        _Proxies(),
        urllib.request.HTTPHandler(),
        urllib.request.HTTPSHandler(context=ssl.create_default_context()),
        urllib.request.HTTPDefaultErrorHandler(),
        urllib.request.HTTPErrorProcessor(),
        _Redirects(),
    ):
        opener.add_handler(handler)
    return opener


def _ask(request: urllib.request.Request, what: str, max_bytes: int, deadline: float) -> bytes:
    """Do it in a thread that nobody has to wait for: a server may drip an answer for ever."""
    _logger.debug("asking %s", request.full_url)
    done: Future[bytes] = Future()
    end = time.monotonic() + deadline

    def work() -> None:
        try:
            done.set_result(_exchange(request, what, max_bytes, end))
        except Exception as error:  # noqa: BLE001 - whatever it is, the one who waits gets it
            done.set_exception(error)

    threading.Thread(target=work, daemon=True).start()
    try:
        return done.result(timeout=deadline)
    except TimeoutError as error:
        raise _too_slow(request.full_url) from error


def _exchange(request: urllib.request.Request, what: str, max_bytes: int, end: float) -> bytes:
    shown = server_of(request.full_url)
    try:
        with _opener().open(request, timeout=_SILENCE_SECONDS) as response:
            return _read(response, shown, what, max_bytes, end)
    except ReproSignError:
        raise
    except urllib.error.HTTPError as error:
        error.close()
        raise _refusal(request, error.code, what) from error
    except urllib.error.URLError as error:
        raise _no_answer(request, error.reason) from error
    except (http.client.HTTPException, OSError, ValueError) as error:
        raise _no_answer(request, error) from error


def _read(
    response: http.client.HTTPResponse, shown: str, what: str, max_bytes: int, end: float
) -> bytes:
    too_large = MalformedError(
        f"{shown} sends more than any {what} is ({max_bytes} bytes)", code="too-large"
    )
    if response.length is not None and response.length > max_bytes:
        raise too_large
    data = bytearray()
    while piece := response.read1(_PIECE_BYTES):
        data += piece
        if len(data) > max_bytes:
            raise too_large
        if time.monotonic() > end:
            raise _too_slow(shown)
    if response.length:
        raise NoAnswerError(f"{shown} broke off in the middle of its answer", hint="try again")
    return bytes(data)


def _refusal(request: urllib.request.Request, status: int, what: str) -> ReproSignError:
    shown = server_of(request.full_url)
    if request.data is not None:
        return RefusedError(f"{shown} did not take {what}: status {status}{_phrase(status)}")
    if status in _NOT_THERE:
        return NotServedError(f"{shown} does not have {what}")
    if 300 <= status < 400:
        return RefusedError(f"{shown} leads on and on, to no answer")
    hint = "it has had too many questions: try again later" if status == 429 else None
    return NoAnswerError(
        f"{shown} did not answer the question for {what}: status {status}{_phrase(status)}",
        hint=hint,
    )


def _phrase(status: int) -> str:
    """Return the standard's own words for a status, not the server's."""
    phrase = http.client.responses.get(status)
    return f" ({phrase})" if phrase else ""


def _no_answer(request: urllib.request.Request, reason: object) -> NoAnswerError:
    shown = server_of(request.full_url)
    if isinstance(reason, socket.gaierror):
        return UnknownHostError(
            f"the name of {shown} can't be resolved",
            hint="is it typed correctly, and is there a network?",
        )
    if isinstance(reason, ssl.SSLCertVerificationError):
        return NoAnswerError(
            f"{shown} shows a TLS certificate that is not accepted:"
            f" {printable(reason.verify_message)}",
            hint="if its authority is one of your own, name that authority: SSL_CERT_FILE=FILE",
        )
    if isinstance(reason, ssl.SSLError):
        return NoAnswerError(f"{shown} does not speak TLS in a way that is understood here")
    if isinstance(reason, TimeoutError):
        return _too_slow(request.full_url)
    if isinstance(reason, ConnectionRefusedError):
        return NoAnswerError(f"nobody listens at {shown}", hint="is the port right, is it running?")
    if isinstance(reason, OSError) and "Tunnel connection failed" in str(reason):
        return NoAnswerError(
            f"the proxy does not lead to {shown}: {printable(str(reason))}",
            hint="the variables HTTPS_PROXY and NO_PROXY say where a proxy is",
        )
    words = (reason.strerror if isinstance(reason, OSError) else None) or type(reason).__name__
    return NoAnswerError(f"{shown} gave no answer that makes sense: {printable(words)}")


def _too_slow(url: str) -> NoAnswerError:
    return NoAnswerError(f"{server_of(url)} gave no answer in time", hint="try again later")
