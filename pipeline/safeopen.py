"""Picture files from anywhere, opened by their content and refused by their header where they could do harm."""

from __future__ import annotations

import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from PIL import Image, UnidentifiedImageError

from pipeline.errors import UnreadableImageError, may_pass
from pipeline.params import Clean

HEAD_BYTES: Final = 64
MEGAPIXELS_AT_ONCE: Final = 64  # decoded at the same time by all threads; each costs up to 12 MB

# Of Pillow's memory. Blocks beyond 32 MiB go back to the system when a picture is closed; with the usual 16 each thread
# keeps those of its largest picture for itself.
_BLOCK_BYTES: Final = 48 << 20
_FORMATS: Final = ("JPEG", "PNG", "WEBP", "AVIF", "GIF", "BMP")
_BMP_HEADER_BYTES: Final = frozenset({12, 40, 52, 56, 64, 108, 124})

Image.core.set_block_size(_BLOCK_BYTES)  # type: ignore[attr-defined]
warnings.filterwarnings("ignore", module=r"PIL\.")  # about sizes and metadata, judged here


@dataclass(frozen=True, slots=True)
class Limits:
    """What a file may be to be decoded at all; params.yaml's section `clean` says the same for raw photos."""

    max_megapixels: int = 120
    max_file_mb: int = 64


DEFAULT_LIMITS: Final = Limits()


class Budget:
    """So many units for all threads together; who wants more than there are waits for all of them."""

    def __init__(self, units: int) -> None:
        self._units = self._free = units
        self._changed = threading.Condition()

    @contextmanager
    def spent(self, units: int) -> Iterator[None]:
        """Hold `units` while the block runs, and before it wait until they are free."""
        units = min(units, self._units)
        with self._changed:
            self._changed.wait_for(lambda: self._free >= units)
            self._free -= units
        try:
            yield
        finally:
            with self._changed:
                self._free += units
                self._changed.notify_all()


_PIXELS: Final = Budget(MEGAPIXELS_AT_ONCE * 1_000_000)


def sniff(head: bytes) -> tuple[str, str]:
    """File extension and content type by a file's first HEAD_BYTES, whatever its name says; 'bin' if no picture."""
    brands = {head[at : at + 4] for at in range(8, HEAD_BYTES, 4)} if head[4:8] == b"ftyp" else set()
    if head.startswith(b"\xff\xd8\xff"):
        return "jpg", "image/jpeg"
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        return "png", "image/png"
    if head.startswith((b"GIF87a", b"GIF89a")):
        return "gif", "image/gif"
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "webp", "image/webp"
    if brands & {b"avif", b"avis"}:
        return "avif", "image/avif"
    if head[:2] == b"BM" and int.from_bytes(head[14:18], "little") in _BMP_HEADER_BYTES:
        return "bmp", "image/bmp"
    return "bin", "application/octet-stream"


@contextmanager
def opened(path: Path, limits: Limits | Clean) -> Iterator[Image.Image]:
    """Open by content after the checks that need no decoding; every failure inside becomes UnreadableImageError.

    What may pass, such as no memory, says nothing of the file and is raised as it is; only decoding belongs inside.
    Threads wait here while the pictures that others have open are too large together; one thread may not open two.
    """
    head = _checked_head(path, limits)
    try:
        image = Image.open(path, formats=_FORMATS)
        with image:
            check_size(image, limits)
            with _PIXELS.spent(image.width * image.height):
                yield image
    except UnreadableImageError:
        raise
    except Image.DecompressionBombError:
        raise UnreadableImageError("too many pixels", f"its header claims more than {_bomb_megapixels()} MP") from None
    except Exception as error:  # a broken file makes Pillow raise almost anything
        if may_pass(error):
            raise
        raise _unreadable(error, path, head) from None


def _checked_head(path: Path, limits: Limits | Clean) -> bytes:
    try:
        if not path.is_file():
            raise UnreadableImageError("missing file", "not there, or not a regular file")
        size_bytes = path.stat().st_size
        with path.open("rb") as handle:
            head = handle.read(HEAD_BYTES)
    except OSError as error:
        if may_pass(error):
            raise
        raise UnreadableImageError("missing file", error.strerror or type(error).__name__) from None
    if not size_bytes:
        raise UnreadableImageError("empty file", "0 bytes")
    if size_bytes > limits.max_file_mb * 1_000_000:
        raise UnreadableImageError("file too large", f"{size_bytes / 1e6:.1f} MB, at most {limits.max_file_mb}")
    return head


def check_size(image: Image.Image, limits: Limits | Clean) -> None:
    """Raise UnreadableImageError when the picture has more pixels than `limits` allows."""
    width, height = image.size
    if width * height > limits.max_megapixels * 1_000_000:
        raise UnreadableImageError("too many pixels", f"{width}x{height}, at most {limits.max_megapixels} MP")


def _bomb_megapixels() -> int:
    return 2 * (Image.MAX_IMAGE_PIXELS or 0) // 1_000_000


def _shown(begin: bytes) -> str:
    """Bytes as a person reads them: as text where they are some, else in hexadecimal."""
    text = " ".join(begin.decode("latin-1").split())
    return f"'{text}'" if text.isascii() and text.isprintable() else begin.hex(" ")


def _unreadable(error: Exception, path: Path, head: bytes) -> UnreadableImageError:
    extension, _ = sniff(head)
    message = " ".join(str(error).split())[:200] or type(error).__name__
    if extension == "bin":
        return UnreadableImageError("not an image", f"no known picture format; it begins with {_shown(head[:16])}")
    if "truncated" in message.lower() or isinstance(error, EOFError) or _ends_early(path, extension):
        return UnreadableImageError("truncated", f"the {extension} ends too early")
    if isinstance(error, UnidentifiedImageError):  # its message holds the path
        message = "header not understood"
    return UnreadableImageError("damaged", f"{extension}: {message}")


def _ends_early(path: Path, extension: str) -> bool:
    """Whether a container that states its own length is longer than its file; Pillow does not say so for these two."""
    size_bytes, at = path.stat().st_size, 0
    with path.open("rb") as handle:
        if extension == "webp":
            at = 8 + int.from_bytes(handle.read(8)[4:], "little")
        while extension == "avif" and at < size_bytes:
            handle.seek(at)
            box_bytes = int.from_bytes(handle.read(4), "big")
            if box_bytes < 8:  # one that states no length
                return False
            at += box_bytes
    return at > size_bytes
