"""Where a project keeps what, below its own folder and below a group's."""

from __future__ import annotations

from pathlib import Path
from typing import Final

DATA: Final = Path("data")
MODELS: Final = Path("models")
METRICS: Final = Path("metrics")
PLOTS: Final = Path("dvc_plots")  # where 'dvc plots' writes its pages
LABELLED: Final = Path("labelled")
ANALYSES: Final = Path("cache", "analysis")
LOCKS: Final = Path("cache", "locks")
REFRESHES: Final = Path("cache", "refresh")

# In a group's folder. Those of raw/ no member's folder can be called.
MANIFEST_FILE: Final = "manifest.parquet"
DROPPED_FILE: Final = "dropped.parquet"
FETCHES_FILE: Final = "fetches.parquet"
THUMBNAILS: Final = "thumbnails"  # of the review page: a cache that may be deleted at any time
STAGES_THAT_DROP: Final = ("clean", "faces", "curate")


def model_of(group: str) -> Path:
    """The folder of the group's model."""
    return MODELS / group


def metrics_of(group: str) -> Path:
    """The folder of the model's metrics, beside a file of the same name with `.json` behind it."""
    return METRICS / group


def dropped_by(stage: str, data: Path) -> Path:
    """The table of what the stage dropped of the group in folder `data`."""
    return data / "dropped" / f"{stage}.parquet"


def analysis_folder(cache: Path, video_sha256: str, made_by: str) -> Path:
    """Where `cache` keeps the analysis of the video with this SHA-256 that was made by what has this fingerprint."""
    return cache / f"{video_sha256[:32]}-{made_by[:16]}"


def analyses_of(video_sha256: str) -> list[Path]:
    """All that is kept of any analysis of the video with this SHA-256; nothing for what is no SHA-256."""
    is_sha256 = len(video_sha256) == 64 and video_sha256.isalnum()
    return sorted(ANALYSES.glob(analysis_folder(Path(), video_sha256, "*").name)) if is_sha256 else []
