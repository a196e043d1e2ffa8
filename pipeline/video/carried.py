"""What a video holds besides pictures and sound, and how much of it goes into the labelled one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from av.container import InputContainer
from av.stream import Disposition
from av.subtitles.stream import SubtitleStream

from pipeline.video.container import opened, video_stream

# Where it was filmed is nobody's business but the owner's; a labelled video is made to be shown around.
PRIVATE_TAG: Final = "location"
# About the file as it was, not about what it shows.
_TECHNICAL_TAGS: Final = frozenset(
    "encoder encoding_tool major_brand minor_version compatible_brands handler_name vendor_id duration".split()  # noqa: SIM905
)


@dataclass(frozen=True, slots=True)
class Carried:
    """What is taken over from a source: subtitle tracks by their number, chapters, tags; and what is not, in words."""

    subtitles: tuple[int, ...]
    chapters: int
    tags: tuple[str, ...]
    left_out: tuple[str, ...]


def what_mp4_holds(source: Path) -> Carried:
    """Subtitles that are text, all chapters and tags; anything else is left out."""
    with opened(source) as container:
        subtitles = [number for number, stream in enumerate(container.streams.subtitles) if _is_text(stream)]
        left_out = tuple(_left_out(container, source))
        return Carried(tuple(subtitles), len(container.chapters()), tuple(_tags(container)), left_out)


def what_came_over(planned: Carried, out: Path) -> Carried:
    """`planned` as it stands in `out`, the file made by it."""
    with opened(out) as container:
        tags = tuple(_tags(container))
        missing = [tag for tag in planned.tags if tag not in tags]
        chapters = len(container.chapters())
    left_out = list(planned.left_out)
    if missing:
        left_out.append(f"tags: {', '.join(missing)}")
    if chapters < planned.chapters:
        left_out.append(f"chapters: {planned.chapters - chapters}")
    return Carried(planned.subtitles, chapters, tags, tuple(left_out))


def _left_out(container: InputContainer, source: Path) -> Iterator[str]:
    for number, stream in enumerate(container.streams.subtitles, start=1):
        if not _is_text(stream):
            yield f"subtitle track {number} ({stream.name or 'unknown'}): not text"
    labelled = video_stream(container, source)
    for number, video in enumerate(container.streams.video, start=1):
        if video.index != labelled.index:
            is_cover = video.disposition & Disposition.attached_pic
            yield "the cover picture" if is_cover else f"video track {number}: only the largest is labelled"
    for other in container.streams:
        if other.type == "attachment":
            yield f"attachment {other.metadata.get('filename', other.index)}"
        if other.type == "data" and not (container.chapters() and other.name == "bin_data"):  # that names chapters
            yield f"data track ({other.name or 'unknown'})"


def _is_text(stream: SubtitleStream) -> bool:
    return stream.codec_context is not None and bool(stream.codec_context.codec.text_sub)


def _tags(container: InputContainer) -> list[str]:
    return sorted({key.lower() for key in container.metadata} - _TECHNICAL_TAGS)
