"""A web on loopback: search engines, a host of right photos, and all that is wrong with some hosts."""

from __future__ import annotations

import gzip
import html
import json
import ssl
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

from conftest import SAMPLE, png_header

HOST = "127.0.0.2"  # reached as if it were public; all else of loopback is not
_FILES = [path.read_bytes() for path in sorted((SAMPLE / "photos" / "mira").glob("*.jpg"))]
PHOTOS = [content for content in dict.fromkeys(_FILES) if content.startswith(b"\xff\xd8\xff")][:12]  # no two alike
JPEG_HEAD = PHOTOS[0][:600]
GZIP_BOMB = gzip.compress(b"\0" * 30_000_000, 1)


@dataclass
class Web:
    """The fake web: its address, and how often each path was asked for."""

    base: str = ""
    asked: Counter[str] = field(default_factory=Counter)
    agents: set[str] = field(default_factory=set)
    photo_takes_s: float = 0.0
    tls: Callable[[ssl.SSLContext], None] = lambda context: None

    def photo(self, number: int) -> str:
        return f"{self.base}/photo/{number}.jpg"

    def bing(self, query: dict[str, str]) -> bytes:
        """Two pages of three results each, one of them a PNG, with all that stands around them."""
        first = int(query["first"]) // 20 * 3
        urls = [self.photo(number) for number in range(first, first + 3)] if first < 6 else []
        cells = ""
        for number, url in enumerate(urls):
            url = url.replace(".jpg", ".png") if number == 2 else url
            result = {"cid": "x", "purl": f"{self.base}/page/{number}", "murl": url, "turl": "https://tse1/th?id=O.jpg"}
            attribute = html.escape(json.dumps(result), quote=True)
            cells += f'<li><div class="iuscp"><div class="imgpt"><a class="iusc" m="{attribute}" href="/x">'
            cells += '<img src="data:image/gif;base64,R0"/></a></div></div></li>'
        return f'<ul class="dgControl_list">{cells}<li><a m="no json">odd</a><a m="[1]">odder</a></li></ul>'.encode()

    def baidu(self, query: dict[str, str]) -> bytes:
        """One result in cipher, one without, and the empty entry at the end of every answer."""
        if int(query["pn"]):
            return b'{"data": [{}]}'
        letters = {"w": "a", "k": "b", "v": "c", "1": "d", "j": "e", "u": "f", "2": "g", "i": "h", "t": "i", "3": "j"}
        letters |= {"h": "k", "s": "l", "4": "m", "g": "n", "5": "o", "r": "p", "q": "q", "6": "r", "f": "s", "p": "t"}
        letters |= {"7": "u", "e": "v", "o": "w", "8": "1", "d": "2", "n": "3", "9": "4", "c": "5", "m": "6", "0": "7"}
        back = {plain: sign for sign, plain in (letters | {"b": "8", "l": "9", "a": "0"}).items()}
        signs = {":": "_z2C$q", ".": "_z&e3B", "/": "AzdH3F"}
        cipher = "".join(signs.get(one) or back.get(one, one) for one in self.photo(3))
        data = [{"objURL": cipher, "fromURL": cipher}, {"hoverURL": self.photo(4), "title": "it\\'s"}, {"adType": "1"}]
        return json.dumps({"queryEnc": "x", "data": [*data, {}]}).replace("\\\\'", "\\'").encode()

    def commons(self, query: dict[str, str]) -> bytes:
        """Two answers of one picture each, and a sound file."""
        number = 6 if "gcmcontinue" in query or "gsroffset" in query else 5
        artist = "<a href='//x'>Some <b>Body</b></a> &amp; friends"
        told = {"LicenseShortName": {"value": "CC BY-SA 4.0"}, "Artist": {"value": artist}}
        info = {"url": self.photo(99), "thumburl": self.photo(number), "mime": "image/jpeg", "extmetadata": told}
        info["descriptionurl"] = "https://commons.wikimedia.org/wiki/File:X.jpg"
        pages = [{"index": 1, "imageinfo": [info]}, {"index": 2, "imageinfo": [{"mime": "audio/ogg"}]}]
        more = {"gcmcontinue": "y"} if query["generator"] == "categorymembers" else {"gsroffset": 1}
        further = {"continue": {**more, "continue": "-||"}} if number == 5 else {}
        return json.dumps({"batchcomplete": True, "query": {"pages": pages}, **further}).encode()

    def openverse(self, query: dict[str, str]) -> bytes:
        """Two pages: a picture with all that is known, one with next to nothing; then one more."""
        full = {
            "license": "by-sa",
            "license_version": "2.0",
            "creator": "Some  Body",
            "creator_url": "https://x.example",
        }
        full |= {
            "url": self.photo(7),
            "foreign_landing_url": "https://flickr.example/7",
            "title": "Mira",
            "mature": False,
        }
        bare = {"url": self.photo(8), "license": "pdm", "license_version": None, "creator": None}
        last = {"url": self.photo(9), "license": "cc0", "license_version": "1.0", "foreign_landing_url": None}
        results = [full, bare] if query["page"] == "1" else [last]
        return json.dumps({"result_count": 3, "page_count": 2, "page_size": 20, "results": results}).encode()

    def site(self, path: str) -> bytes:
        if path == "/site/":
            links = f'<img src="{self.photo(0)}"><img src="../photo/1.jpg"><a href="two.html">on</a>'
            return (links + '<a href="http://elsewhere.example/x.html"><a href="http://[bad"><a href="#x">').encode()
        return b'<img src="data:," data-src="/photo/2.jpg"><a href="/site/">back</a><a href="/site/gone.html">'


ENGINES = {
    "/images/async": Web.bing,
    "/search/acjson": Web.baidu,
    "/w/api.php": Web.commons,
    "/v1/images/": Web.openverse,
}


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    web: Web

    def do_GET(self) -> None:
        path, query = urlsplit(self.path).path, {name: one for name, (one, *_) in self.query().items()}
        self.web.asked[path] += 1
        self.web.agents.add(self.headers["User-Agent"])
        self.close_connection = True
        try:
            if path.startswith("/photo/"):
                time.sleep(self.web.photo_takes_s)
                self.reply(PHOTOS[int(path[7:].partition(".")[0]) % len(PHOTOS)])
            elif path in ENGINES:
                self.reply(ENGINES[path](self.web, query))
            elif path == "/site/" or path == "/site/two.html":
                self.reply(self.web.site(path))
            elif path in HOSTILE:
                HOSTILE[path](self)
            else:
                self.reply(b"no such page", 404)
        except OSError:  # whoever asked has had enough
            pass

    def query(self) -> dict[str, list[str]]:
        return parse_qs(urlsplit(self.path).query)

    def reply(self, body: bytes, status: int = 200, **headers: str) -> None:
        headers = {"Content_Length": str(len(body)), "Content_Type": "image/jpeg", **headers}
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)

    def raw(self, *parts: bytes, pause_s: float = 0.0, for_ever: bool = False) -> None:
        """Bytes as they are; the last of them again and again `for_ever`."""
        for part in parts:
            self.wfile.write(part)
        while for_ever:
            time.sleep(pause_s)
            self.wfile.write(parts[-1])

    def log_message(self, *_: object) -> None:
        pass


OK = b"HTTP/1.1 200 OK\r\nContent-Type: image/jpeg\r\n"


def to(location: str) -> Callable[[Handler], None]:
    return lambda handler: handler.reply(b"", 302, Location=location.replace("PORT", handler.web.base.split(":")[-1]))


def once(status: int, **headers: str) -> Callable[[Handler], None]:
    """First an error, then a photo."""

    def handle(handler: Handler) -> None:
        again = handler.web.asked[urlsplit(handler.path).path] > 1
        handler.reply(PHOTOS[10], 200) if again else handler.reply(b"", status, **headers)

    return handle


HOSTILE: dict[str, Callable[[Handler], None]] = {
    "/to-loopback": to("http://127.0.0.1:PORT/photo/1.jpg"),
    "/to-metadata": to("http://169.254.169.254/latest/meta-data/"),
    "/to-file": to("file:///etc/passwd"),
    "/to-nothing": to("http://[bad"),
    "/loop": to("/loop"),
    "/good-redirect": to("/photo/9.jpg"),
    "/endless": lambda one: one.raw(OK + b"\r\n" + JPEG_HEAD, b"\0" * 65536, for_ever=True),
    "/endless-chunk": lambda one: one.raw(OK + b"Transfer-Encoding: chunked\r\n\r\n", b"0" * 65536, for_ever=True),
    "/endless-headers": lambda one: one.raw(OK, b"X-More: yes\r\n", for_ever=True),
    "/says-huge": lambda one: one.reply(b"", Content_Length="99999999999999999999999"),
    "/drip": lambda one: one.raw(OK + b"\r\n" + JPEG_HEAD, b"\0", pause_s=0.1, for_ever=True),
    "/drip-headers": lambda one: one.raw(OK + b"X-Slow: ", b"x", pause_s=0.1, for_ever=True),
    "/silent": lambda one: time.sleep(5),
    "/short": lambda one: one.reply(PHOTOS[0][:900], Content_Length="50000"),
    "/gzip": lambda one: one.reply(GZIP_BOMB, Content_Encoding="gzip"),
    "/pixels.png": lambda one: one.reply(png_header(60_000, 60_000)),
    "/html.jpg": lambda one: one.reply(b"<!DOCTYPE html><title>Sign in</title>"),
    "/empty.jpg": lambda one: one.reply(b""),
    "/broken.jpg": lambda one: one.reply(b"\xff\xd8\xff" + b"\0" * 100),
    "/noai": lambda one: one.reply(PHOTOS[0], X_Robots_Tag="noai, noimageai"),
    "/500": lambda one: one.reply(b"", 500),
    "/403": lambda one: one.reply(b"", 403),
    "/429": once(429, Retry_After="1"),
    "/429-date": once(429, Retry_After=formatdate(time.time() + 3600, usegmt=True)),
    "/503-odd": once(503, Retry_After="in a while"),
    "/named": lambda one: one.reply(PHOTOS[11], Content_Disposition='attachment; filename="../../../x.sh"'),
}


@contextmanager
def served() -> Iterator[Web]:
    """The web, while the block runs."""
    web = Web()
    handler = type("OneWeb", (Handler,), {"web": web})
    server = ThreadingHTTPServer((HOST, 0), handler)
    server.daemon_threads = True
    web.base = f"http://{HOST}:{server.server_port}"

    def tls(context: ssl.SSLContext) -> None:
        server.socket = context.wrap_socket(server.socket, server_side=True)

    web.tls = tls
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield web
    finally:
        server.shutdown()
        server.server_close()
