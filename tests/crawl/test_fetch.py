"""Fetching from a hostile web: what is refused and why, in bounded time, memory and disk."""

from __future__ import annotations

import io
import socket
import ssl
import subprocess
import time
import tracemalloc
from dataclasses import replace
from pathlib import Path

import pytest
from web import HOST, HOSTILE, PHOTOS, Web

from pipeline.crawl import connection
from pipeline.crawl.addresses import addresses_of, is_public
from pipeline.crawl.connection import FetchError, target_of
from pipeline.crawl.fetch import Fetcher
from pipeline.crawl.robots import refusal
from pipeline.params import Params

pytest_plugins = ("crawling",)


def test_a_photo_comes_as_it_is(web: Web, fetcher: Fetcher, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")  # never asked: a proxy would resolve names by itself
    body = io.BytesIO()
    answer = fetcher.fetch(web.photo(0), body, 1)
    assert body.getvalue() == PHOTOS[0]
    assert (answer.status, answer.content_type) == (200, "image/jpeg")
    assert [agent.startswith("Lineup/") for agent in web.agents] == [True]


PATHS = {
    "/to-loopback": ("private address", "never", 1),
    "/to-metadata": ("private address", "never", 1),
    "/to-file": ("bad url", "never", 1),
    "/to-nothing": ("bad url", "never", 1),
    "/loop": ("too many redirects", "never", 6),
    "/endless": ("file too large", "never", 1),
    "/endless-chunk": ("broken off", "soon", 2),
    "/endless-headers": ("broken off", "soon", 2),
    "/says-huge": ("file too large", "never", 1),
    "/drip": ("too slow", "later", 1),
    "/drip-headers": ("too slow", "later", 1),
    "/silent": ("timed out", "soon", 2),
    "/short": ("broken off", "soon", 2),
    "/gzip": ("compressed", "never", 1),
    "/noai": ("asked not to", "never", 1),
    "/500": ("http error", "soon", 2),
    "/403": ("http error", "never", 1),
    "/429-date": ("http error", "soon", 1),  # an hour is too long to wait for
    "/nowhere": ("http error", "never", 1),
}


@pytest.mark.parametrize("path", PATHS)
def test_a_hostile_answer_ends_in_its_reason(path: str, web: Web, fetcher: Fetcher) -> None:
    body = io.BytesIO()
    tracemalloc.start()
    with pytest.raises(FetchError) as caught:
        fetcher.fetch(web.base + path, body, 1)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert (caught.value.reason, caught.value.retry, web.asked[path]) == PATHS[path]
    assert len(body.getvalue()) <= 1_000_000
    assert peak < 8_000_000
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("path", ["/429", "/503-odd", "/good-redirect", "/named"])
def test_what_passes_is_fetched_in_the_end(path: str, web: Web, fetcher: Fetcher) -> None:
    body = io.BytesIO()
    began = time.monotonic()
    fetcher.fetch(web.base + path, body, 1)
    assert body.getvalue() in PHOTOS
    assert path != "/429" or time.monotonic() - began >= 1.0  # as Retry-After asks


LITERALS = ["[::1]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[fe80::1]", "127.0.0.1", "127.1", "0x7f000001", "0",
            "2130706433", "10.0.0.1", "169.254.169.254", "[64:ff9b::7f00:1]", "[2002:7f00:1::]"]  # fmt: skip


@pytest.mark.parametrize("host", LITERALS)
def test_a_private_address_is_refused_however_it_is_written(host: str, web: Web, fetcher: Fetcher) -> None:
    port = web.base.rpartition(":")[2]
    with pytest.raises(FetchError) as caught:
        fetcher.fetch(f"http://{host}:{port}/photo/1.jpg", io.BytesIO(), 1)
    assert caught.value.reason == "private address"
    assert not web.asked


@pytest.mark.parametrize(
    "answer", [["127.0.0.1"], ["::1"], [HOST, "10.1.2.3"], ["93.184.215.14", "169.254.169.254"]], ids=str
)
def test_a_name_that_stands_for_a_private_address_is_refused(answer: list[str], web: Web, quick: Params) -> None:
    fetcher = Fetcher(quick.crawl, reachable={HOST}, resolve=lambda host, port: answer)
    with pytest.raises(FetchError, match=r"private address: photos\.example is "):
        fetcher.fetch(f"http://photos.example:{web.base.rpartition(':')[2]}/photo/1.jpg", io.BytesIO(), 1)
    assert not web.asked


def test_a_name_is_looked_up_once_so_that_its_second_answer_matters_to_nobody(web: Web, quick: Params) -> None:
    answers = [[HOST], ["127.0.0.1"]]
    fetcher = Fetcher(quick.crawl, reachable={HOST}, resolve=lambda host, port: answers.pop(0))
    fetcher.fetch(f"http://rebinding.example:{web.base.rpartition(':')[2]}/photo/1.jpg", io.BytesIO(), 1)
    assert answers == [["127.0.0.1"]]


@pytest.mark.parametrize(
    ("address", "public"),
    [
        *((one, True) for one in ("93.184.215.14", "8.8.8.8", "2606:2800:21f:cb07::1")),
        *((one, False) for one in ("127.0.0.1", "10.0.0.1", "172.16.0.1", "192.168.1.1", "100.64.0.1", "0.0.0.0")),
        *((one, False) for one in ("169.254.169.254", "224.0.0.1", "239.1.1.1", "240.0.0.1", "255.255.255.255")),
        *((one, False) for one in ("198.18.0.1", "192.0.2.1", "::", "::1", "::ffff:8.8.8.8", "::8.8.8.8", "fe80::1")),
        *((one, False) for one in ("fc00::1", "fec0::1", "ff02::1", "2001:db8::1", "2001::1", "2002::", "64:ff9b::1")),
    ],
)  # fmt: skip
def test_public_addresses(address: str, public: bool) -> None:
    assert is_public(address) is public


@pytest.mark.parametrize(
    "url",
    [
        "file:///etc/passwd",
        "ftp://a/b.jpg",
        "javascript:alert(1)",
        "data:image/png;base64,AA",
        "//a/b",
        "b.jpg",
        "",
        "http://",
        "http://[bad",
        "http://a:99999/",
        "http://a b/",
        "gopher://a",
    ],
)
def test_only_web_addresses_are_fetched(url: str, fetcher: Fetcher) -> None:
    with pytest.raises(FetchError) as caught:
        fetcher.fetch(url, io.BytesIO(), 1)
    assert caught.value.reason == "bad url"


def test_an_address_in_any_alphabet_becomes_ascii() -> None:
    target = target_of("https://user:secret@사진.example/나연 1.jpg?q=é#part")
    assert (target.scheme, target.host, target.port) == ("https", "xn--vf4bi0o.example", 443)
    assert target.path == "/%EB%82%98%EC%97%B0%201.jpg?q=%C3%A9"


def test_what_is_not_there_says_so_and_is_not_tried_again_at_once(quick: Params, fetcher: Fetcher) -> None:
    def nobody(host: str, port: int) -> list[str]:
        raise socket.gaierror(-2, "Name or service not known")

    with pytest.raises(FetchError, match=r"no such host: photos\.example: Name or service not known") as caught:
        Fetcher(quick.crawl, resolve=nobody).fetch("http://photos.example/a.jpg", io.BytesIO(), 1)
    assert caught.value.retry == "later"
    with socket.create_server((HOST, 0)) as taken:
        port = taken.getsockname()[1]
    with pytest.raises(FetchError, match="unreachable: Connection refused") as caught:
        fetcher.fetch(f"http://{HOST}:{port}/", io.BytesIO(), 1)
    assert caught.value.retry == "later"
    assert addresses_of("127.0.0.1", 80) == ["127.0.0.1"]


def test_a_host_is_asked_no_more_often_than_is_polite(web: Web, quick: Params) -> None:
    fetcher = Fetcher(replace(quick.crawl, delay_s=1.0, total_s=0.9), reachable={HOST})
    began = time.monotonic()
    for number in range(2):
        fetcher.fetch(web.photo(number), io.BytesIO(), 1)
    assert time.monotonic() - began >= 1.0


@pytest.mark.parametrize(
    ("headers", "rule"),
    [
        ([], ""),
        (["all"], ""),
        (["nofollow, noarchive"], ""),
        (["noindex"], "noindex"),
        (["nofollow, NoAI"], "noai"),
        (["all", "noimageai"], "noimageai"),
        (["none"], "none"),
        (["googlebot: noindex"], ""),
        (["googlebot: nofollow, noai"], ""),
        (["otherbot: noindex, lineup: noai"], "noai"),
        (["lineup: noai"], "noai"),
        (["*: noai"], "noai"),
        (["googlebot: noindex", "noimageai"], "noimageai"),
        (["unavailable_after: 25 Jun 2030 15:00:00 PST, noindex"], "noindex"),
        (["max-image-preview: none"], ""),
    ],
    ids=str,
)
def test_what_a_site_asks_of_programs(headers: list[str], rule: str) -> None:
    assert refusal(headers) == rule


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A self-signed certificate of photos.example, with its key."""
    path = tmp_path_factory.mktemp("tls") / "both.pem"
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-keyout", str(path)]
    command += ["-out", f"{path}.crt", "-subj", "/CN=x", "-addext", "subjectAltName=DNS:photos.example"]
    try:
        subprocess.run(command, check=True, capture_output=True)
    except FileNotFoundError:
        pytest.skip("no openssl here to make a certificate")
    path.write_bytes(path.read_bytes() + Path(f"{path}.crt").read_bytes())
    return path


@pytest.mark.parametrize(("host", "reason"), [("photos.example", ""), ("other.example", "unreachable")])
def test_a_certificate_must_be_the_names_not_the_address(
    host: str, reason: str, certificate: Path, web: Web, quick: Params, monkeypatch: pytest.MonkeyPatch
) -> None:
    ours = ssl.create_default_context(cafile=str(certificate))
    monkeypatch.setattr(connection, "_certificates", lambda: ours)
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(certificate)
    web.tls(server)
    fetcher = Fetcher(quick.crawl, reachable={HOST}, resolve=lambda host, port: [HOST])
    body = io.BytesIO()
    url = f"https://{host}:{web.base.rpartition(':')[2]}/photo/1.jpg"
    if reason:
        with pytest.raises(FetchError, match="unreachable: TLS: CERTIFICATE_VERIFY_FAILED"):
            fetcher.fetch(url, body, 1)
        assert not web.asked
    else:
        fetcher.fetch(url, body, 1)
        assert body.getvalue() == PHOTOS[1]


def test_a_tls_handshake_that_never_ends_does(web: Web, quick: Params) -> None:
    fetcher = Fetcher(replace(quick.crawl, read_s=5.0, total_s=0.3, retries=0), reachable={HOST})
    with socket.create_server((HOST, 0)) as silent, pytest.raises(FetchError) as caught:
        fetcher.fetch(f"https://{HOST}:{silent.getsockname()[1]}/", io.BytesIO(), 1)
    assert caught.value.reason == "too slow"


def test_every_hostile_answer_is_tried_here_or_in_a_crawl() -> None:
    in_a_crawl = {"/pixels.png", "/html.jpg", "/empty.jpg", "/broken.jpg"}
    assert set(PATHS) - {"/nowhere"} | {"/429", "/503-odd", "/good-redirect", "/named"} | in_a_crawl == set(HOSTILE)
