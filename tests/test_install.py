"""The install: one lock with hashes for every platform, one OpenCV that needs no display, the commands around it."""

from __future__ import annotations

import importlib.metadata
import os
import re
import shutil
import struct
import subprocess
import sys
import tomllib
import zipfile
from collections.abc import Iterator
from pathlib import Path

import cv2
import pytest
import yaml
from conftest import ROOT
from first_party import libraries, modules
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from pipeline import __version__

LOCK = (ROOT / "requirements" / "lock.txt").read_text(encoding="utf-8")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
# What every Linux with glibc has; anything else would have to come from a package of the distribution.
SYSTEM = {"libc.so.6", "libm.so.6", "libdl.so.2", "libpthread.so.0", "librt.so.1", "libgcc_s.so.1", "libstdc++.so.6"}
SYSTEM |= {"libz.so.1", "ld-linux-x86-64.so.2", "ld-linux-aarch64.so.1"}
SHOWS_WINDOWS = re.compile(r"/lib(GL|GLX|EGL|X11|Xext|xcb|Qt\w*|gtk[\w-]*|SM|ICE)[.-][^/]*$")

on_linux = pytest.mark.skipif(sys.platform != "linux", reason="only Linux wheels look for libGL on the system")


def locked() -> dict[str, tuple[Requirement, str]]:
    """Every requirement of the lock and the lines that belong to it, by 'name marker'."""
    blocks = re.split(r"\n(?=[a-zA-Z0-9])", re.sub(r"^#.*\n", "", LOCK, flags=re.MULTILINE))
    found = [(Requirement(block.partition("\\")[0].strip()), block) for block in blocks if block.strip()]
    return {f"{one.name} {one.marker or ''}": (one, block) for one, block in found}


def asked_for() -> list[Requirement]:
    return [Requirement(line) for line in (*PROJECT["dependencies"], *PROJECT["optional-dependencies"]["dev"])]


def test_every_locked_package_has_one_version_and_hashes() -> None:
    requirements = locked()
    assert len(requirements) > 100
    for one, block in requirements.values():
        assert re.fullmatch(r"==[^,*]+", str(one.specifier)), one
        assert re.findall(r"--hash=sha256:[0-9a-f]{64}\b", block), one


@pytest.mark.parametrize("word", ["://", "--index-url", "--extra-index-url", "--find-links", "--trusted-host", " @ "])
def test_the_lock_names_no_host(word: str) -> None:
    assert word not in LOCK


@pytest.mark.parametrize("wanted", asked_for(), ids=str)
def test_what_the_project_asks_for_is_locked(wanted: Requirement) -> None:
    versions = [one for one, _ in locked().values() if canonicalize_name(one.name) == canonicalize_name(wanted.name)]
    assert versions, f"{wanted.name} is not in the lock: run 'make lock'"
    for one in versions:
        (version,) = (specifier.version for specifier in one.specifier)
        assert wanted.specifier.contains(version, prereleases=True)


def test_the_lock_was_made_from_this_pyproject() -> None:
    direct = {canonicalize_name(one.name) for one, block in locked().values() if "lineup (pyproject.toml)" in block}
    assert direct == {canonicalize_name(wanted.name) for wanted in asked_for()}, "run 'make lock'"


def test_one_opencv_is_installed_and_it_is_headless() -> None:
    names = [one.metadata["Name"] for one in importlib.metadata.distributions()]
    assert [name for name in names if "opencv" in name.lower()] == ["opencv-python-headless"]


def test_the_lock_brings_no_other_opencv() -> None:
    brought = [one for one, _ in locked().values() if "opencv" in one.name]
    here = {one.name for one in brought if one.marker is None or one.marker.evaluate()}
    elsewhere = {str(one.marker) for one in brought if one.name not in here}
    assert here == {"opencv-python-headless"}
    assert elsewhere <= {'sys_platform == "never"'}


def needed(path: Path) -> Iterator[str]:
    """The libraries that an ELF file asks the loader for: the NEEDED entries (tag 1) of its dynamic section."""
    content = path.read_bytes()
    assert content[:6] == b"\x7fELF\x02\x01", f"{path} is no 64-bit little-endian ELF file"
    (table,) = struct.unpack_from("<Q", content, 0x28)
    size, count = struct.unpack_from("<HH", content, 0x3A)
    sections = [struct.unpack_from("<IIQQQQIIQQ", content, table + size * number) for number in range(count)]
    for _, kind, _, _, offset, length, link, *_ in sections:
        if kind != 6:  # SHT_DYNAMIC
            continue
        names = sections[link][4]
        for tag, value in struct.iter_unpack("<qQ", content[offset : offset + length]):
            if tag == 1:
                yield content[names + value : content.index(b"\0", names + value)].decode()


@on_linux
def test_opencv_links_to_nothing_that_a_bare_linux_lacks() -> None:
    folder = Path(cv2.__file__).parent
    files = [*folder.rglob("*.so*"), *folder.parent.glob("opencv_python_headless.libs/*")]
    assert len(files) > 1
    wanted = {name for path in files for name in needed(path)} - {path.name for path in files}
    assert "libc.so.6" in wanted
    assert wanted - SYSTEM == set()


@on_linux
def test_labelling_loads_no_library_of_a_display() -> None:
    code = "import pipeline.video.label; print(open('/proc/self/maps').read())"
    command = [sys.executable, "-c", code]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    maps = subprocess.run(command, check=True, capture_output=True, text=True, cwd=ROOT, env=environment).stdout
    loaded = {line.split()[-1] for line in maps.splitlines() if ".so" in line}
    of_the_system = {path for path in loaded if "/site-packages/" not in path}  # a wheel may bring its own
    assert [path for path in loaded if "/cv2/" in path]
    assert [path for path in of_the_system if "/libc.so" in path]
    assert [path for path in of_the_system if SHOWS_WINDOWS.search(path)] == []


def recipes() -> dict[str, str]:
    text = (ROOT / "Makefile").read_text(encoding="utf-8")
    return dict(re.findall(r"^([a-z]+):[^\n]*\n((?:\t[^\n]*\n)+)", text, re.MULTILINE))


@pytest.mark.parametrize(
    ("target", "runs"),
    {
        "demo": "lineup demo",
        "test": "pytest",
        "check": "mypy",
        "coverage": "coverage report",
        "lock": "uv pip compile",
    }.items(),
)
def test_make_has_the_target(target: str, runs: str) -> None:
    assert runs in recipes()[target]


def test_make_installs_from_the_lock_alone() -> None:
    text = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert re.search(r"^install:", text, re.MULTILINE)
    assert re.search(r"pip install .*--no-deps --require-hashes -r requirements/lock.txt", text)


def test_make_lock_keeps_hosts_out_and_hashes_in() -> None:
    for option in ("--universal", "--generate-hashes", "--no-emit-index-url"):
        assert option in recipes()["lock"]


def test_ci_checks_tests_and_does_the_demo() -> None:
    script = ROOT / ".ci" / "run"
    assert os.access(script, os.X_OK)
    assert re.findall(r"^make (\w+)$", script.read_text(encoding="utf-8"), re.MULTILINE) == ["check", "test", "demo"]


def test_a_commit_is_checked_as_make_check_does() -> None:
    document = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8"))
    hooks = [hook for repo in document["repos"] for hook in repo["hooks"]]
    assert {repo["repo"] for repo in document["repos"]} == {"local"}, "nothing is fetched"
    assert {hook["language"] for hook in hooks} == {"system"}
    checks = [line.partition("/")[2].removesuffix(" .") for line in recipes()["check"].splitlines()]
    assert [hook["entry"] for hook in hooks] == checks


def test_a_wheel_holds_every_file_of_the_packages(tmp_path: Path) -> None:
    source = tmp_path / "source"
    for package in ("flows", "pipeline"):
        shutil.copytree(ROOT / package, source / package, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "--no-index"]
    subprocess.run([*command, "--wheel-dir", str(tmp_path), str(source)], check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    assert wheel.name.startswith(f"lineup-{__version__}-")
    files = {
        path.relative_to(ROOT).as_posix() for package in ("flows", "pipeline") for path in files_of(ROOT / package)
    }
    assert {"flows/serve/page.css", "pipeline/py.typed", "flows/py.typed"} <= files
    assert files - set(zipfile.ZipFile(wheel).namelist()) == set()


def files_of(folder: Path) -> Iterator[Path]:
    return (path for path in folder.rglob("*") if path.is_file() and path.parent.name != "__pycache__")


def test_every_library_that_is_imported_is_asked_for() -> None:
    installed = importlib.metadata.packages_distributions()
    imported = {name for module in modules() for name in libraries(module)} - sys.stdlib_module_names
    wanted = {canonicalize_name(one.name) for one in asked_for()}
    unasked = {name for name in imported if not {canonicalize_name(one) for one in installed.get(name, [])} & wanted}
    assert unasked == {"prefect_dask"}  # an extra, loaded by whoever asks for it
