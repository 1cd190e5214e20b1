"""The one door to the network: what it asks, what it never asks, and what it says when it fails."""

import os
import time
from http.server import BaseHTTPRequestHandler

import pytest

from repro_sign import web
from repro_sign.errors import (
    MalformedError,
    NoAnswerError,
    NotServedError,
    RefusedError,
    ReproSignError,
    UsageError,
)
from tests.conftest import Need
from tests.servers import (
    Answer,
    Authority,
    connect_proxy,
    document,
    free_port,
    redirect,
    small_server,
)


@pytest.fixture(autouse=True)
def _own_network_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.lower().endswith("_proxy") or name.startswith("SSL_CERT"):
            monkeypatch.delenv(name)


@pytest.fixture(scope="module")
def authority(need: Need, tmp_path_factory: pytest.TempPathFactory) -> Authority:
    need("openssl")
    folder = tmp_path_factory.mktemp("tls")
    return Authority.make(folder, "127.0.0.1", "lab.example")


def ask(url: str, *, limit: int = 1000, deadline: float = 20) -> bytes:
    return web.get(url, "key", limit, deadline=deadline)


def test_a_document_comes_as_it_is() -> None:
    with small_server(document(b"\x00\xff bytes")) as server:
        assert web.get(f"{server.url}/a", "key", 1000, query={"q": "a b&c"}) == b"\x00\xff bytes"
        assert server.paths == ["/a?q=a+b%26c"]


@pytest.mark.parametrize(
    ("answer", "kind", "words"),
    [
        (document(b"", 404), NotServedError, "does not have key"),
        (document(b"", 410), NotServedError, "does not have key"),
        (document(b"", 403), NoAnswerError, "status 403 (Forbidden)"),
        (document(b"", 429), NoAnswerError, "status 429"),
        (document(b"", 503), NoAnswerError, "status 503 (Service Unavailable)"),
        (document(b"", 299), None, ""),
        (document(b"x" * 1001), MalformedError, "sends more than any key is (1000 bytes)"),
        (document(b"x" * 10, Content_Length="20"), NoAnswerError, "broke off in the middle"),
        (redirect("/again"), RefusedError, "leads on and on"),
        (redirect("http://plain.example/a"), RefusedError, "leads to where nothing is asked"),
        (redirect("file:///etc/passwd"), RefusedError, "leads on and on"),
        (redirect("https://u:p@lab.example/"), RefusedError, "leads to where nothing is asked"),
        (lambda to: to.wfile.write(b"SSH-2.0-x\r\n"), NoAnswerError, "no answer that makes sense"),
        (lambda to: to.connection.close(), NoAnswerError, "no answer that makes sense"),
    ],
)
def test_each_failure_has_a_sentence_of_its_own(
    answer: Answer, kind: type[ReproSignError] | None, words: str
) -> None:
    with small_server(answer) as server:
        if kind is None:
            assert ask(server.url) == b""
            return
        with pytest.raises(kind) as caught:
            ask(server.url)
    assert words in str(caught.value)
    assert str(caught.value).startswith(server.url)


def test_no_length_is_believed_that_is_not_told() -> None:
    def endless(to: BaseHTTPRequestHandler) -> None:
        to.send_response(200)
        to.end_headers()
        while True:
            to.wfile.write(b"x" * 4096)

    with small_server(endless) as server, pytest.raises(MalformedError, match="more than any key"):
        ask(server.url, limit=100_000)


def drips_a_body(to: BaseHTTPRequestHandler) -> None:
    to.send_response(200)
    to.end_headers()
    while True:
        to.wfile.write(b"x")
        time.sleep(0.05)


def drips_headers(to: BaseHTTPRequestHandler) -> None:
    to.wfile.write(b"HTTP/1.0 200 OK\r\nX: ")
    drips_a_body(to)


def says_nothing(_: BaseHTTPRequestHandler) -> None:
    time.sleep(3)


@pytest.mark.parametrize("answer", [drips_a_body, drips_headers, says_nothing])
def test_a_server_that_takes_for_ever_is_not_waited_for(answer: Answer) -> None:
    with small_server(answer) as server, pytest.raises(NoAnswerError, match="no answer in time"):
        ask(server.url, deadline=0.5)


def test_nobody_listens() -> None:
    with pytest.raises(NoAnswerError, match="nobody listens at http://127"):
        ask(f"http://127.0.0.1:{free_port()}")


def test_a_host_that_there_is_not_is_named() -> None:
    with pytest.raises(NoAnswerError, match=r"the name of https://no-such-host\.invalid can't be"):
        ask("https://no-such-host.invalid/a?secret")


@pytest.mark.parametrize(
    "url",
    [
        "http://keys.example",
        "http://127.0.0.1.evil.example",
        "http://localhost.evil.example",
        "http://10.0.0.1",
        "http://127.1",
        "http://[::2]",
        "ftp://127.0.0.1",
        "file:///etc/passwd",
        "https://",
        "https://u:p@127.0.0.1",
        "http://evil.example@127.0.0.1",
        "http://127.0.0.1\r\nX: y",
        "http://127.0.0.1:0",
        "http://127.0.0.1:99999",
        "https://[::1",
        "https://k\u00e9ys.example",
        "keys.example",
        "",
    ],
)
def test_what_is_no_address_of_ours_is_never_asked(url: str) -> None:
    with pytest.raises(UsageError):
        ask(url)
    with pytest.raises(UsageError):
        web.post_form(url, {"a": "b"}, "key", 1000)


def test_this_machine_may_be_asked_by_all_its_names() -> None:
    with small_server(document(b"here")) as server:
        port = server.url.rpartition(":")[2]
        for host in ("127.0.0.1", "localhost", "LOCALHOST"):
            assert ask(f"http://{host}:{port}") == b"here"


def test_a_few_redirects_are_followed() -> None:
    def answer(to: BaseHTTPRequestHandler) -> None:
        number = int(to.path[1:])
        (redirect(f"/{number - 1}") if number else document(b"there"))(to)

    with small_server(answer) as server:
        assert ask(f"{server.url}/5") == b"there"
        with pytest.raises(RefusedError, match="leads on and on"):
            ask(f"{server.url}/6")


def test_a_redirect_with_an_endless_body_costs_nothing() -> None:
    def answer(to: BaseHTTPRequestHandler) -> None:
        if to.path == "/there":
            document(b"there")(to)
            return
        to.send_response(302)
        to.send_header("Location", "/there")
        to.end_headers()
        while True:
            to.wfile.write(b"x" * 4096)

    with small_server(answer) as server:
        assert ask(server.url) == b"there"


def test_what_is_sent_is_sent_to_nobody_else() -> None:
    with small_server(document(b"thanks")) as other:
        with (
            small_server(redirect(other.url, 307)) as server,
            pytest.raises(RefusedError, match="wants it to be sent elsewhere"),
        ):
            web.post_form(server.url, {"keytext": "x"}, "the key", 1000)
        assert other.paths == []


def test_a_server_that_takes_nothing_is_named() -> None:
    with (
        small_server(document(b"no", 500)) as server,
        pytest.raises(RefusedError, match="did not take the key: status 500"),
    ):
        web.post_form(server.url, {"keytext": "x"}, "the key", 1000)


def test_tls_is_believed_by_the_authorities_that_are_named(
    authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    with small_server(document(b"safe"), certificate=authority) as server:
        with pytest.raises(NoAnswerError, match="a TLS certificate that is not accepted"):
            ask(server.url)
        monkeypatch.setenv("SSL_CERT_FILE", str(authority.certificate))
        assert ask(server.url) == b"safe"
        with pytest.raises(NoAnswerError, match="a TLS certificate that is not accepted"):
            ask(server.url.replace("127.0.0.1", "localhost"))


def test_a_server_without_tls_is_not_asked_as_if_it_had_it() -> None:
    with small_server(document(b"plain")) as server, pytest.raises(NoAnswerError, match="TLS"):
        ask(server.url.replace("http:", "https:"))


def test_nobody_leads_from_https_to_plain_http(
    authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.certificate))
    with (
        small_server(document(b"plain")) as other,
        small_server(redirect(other.url), certificate=authority) as server,
    ):
        with pytest.raises(RefusedError, match="leads from https to plain http"):
            ask(server.url)
        assert other.paths == []


def test_the_proxy_of_the_environment_is_used_but_not_for_this_machine(
    authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.certificate))
    with (
        small_server(document(b"safe"), certificate=authority) as server,
        connect_proxy(server.url) as proxy,
    ):
        for name in ("https_proxy", "http_proxy"):
            monkeypatch.setenv(name, proxy.url)
        assert ask("https://lab.example/a") == b"safe"
        assert proxy.paths == ["lab.example:443"]
        assert ask(server.url) == b"safe"
        with small_server(document(b"plain")) as plain:
            assert ask(plain.url) == b"plain"
        assert proxy.paths == ["lab.example:443"]
        with pytest.raises(NoAnswerError, match="the proxy does not lead to"):
            ask("https://nowhere.example")
        monkeypatch.setenv("no_proxy", "lab.example")
        with pytest.raises(NoAnswerError, match="can't be resolved"):
            ask("https://lab.example/a")


def test_a_proxy_sees_no_more_than_the_hosts_name(
    authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    with (
        small_server(document(b"safe"), certificate=authority) as server,
        connect_proxy(server.url) as proxy,
    ):
        monkeypatch.setenv("https_proxy", proxy.url)
        with pytest.raises(NoAnswerError, match="a TLS certificate that is not accepted"):
            ask("https://other.example/secret")
        assert server.paths == []
