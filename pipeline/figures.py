"""What all pictures that matplotlib draws share: ink, names in any alphabet, and files that appear whole."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Final

from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.text import Text

from pipeline.files import written_whole
from pipeline.fonts import font_for

INK: Final = "#333333"


def set_names(labels: Iterable[Text], size: float = 11) -> None:
    """Draw names as they are written, each in a font that has its characters."""
    for label in labels:
        label.set_parse_math(False)  # a dollar sign is a dollar sign
        label.set_fontproperties(FontProperties(fname=str(font_for(label.get_text())[0]), size=size))


def save(figure: Figure, path: Path, dpi: int = 110) -> None:
    """Write the picture as PNG, whole or not at all."""
    with written_whole(path) as temporary:
        figure.savefig(temporary, dpi=dpi, format="png")
