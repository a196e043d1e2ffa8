"""Importing a group: photos into data/<group>/, its raw folder under DVC, its name into params.yaml."""

from __future__ import annotations

from pathlib import Path

from flows.project import dvc
from pipeline.grouplist import add_group_to_params
from pipeline.intake import ImportReport, import_photos, members_folders
from pipeline.manifest import raw_locked
from pipeline.names import check_apart, check_group
from pipeline.params import PARAMS_FILE, read_params


def import_group(photos: Path, group: str) -> ImportReport:
    """Bring `photos`, a folder per member, into `group`; again, only what is new. DatasetError when they can't be."""
    data = Path("data") / check_group(group)
    check_apart(group, read_params().groups)  # a slip in params.yaml is told before the work
    members_folders(photos)  # so is a wrong folder, before anything is made
    with raw_locked(data):  # until DVC has read what is there
        report = import_photos(photos, data)
        dvc("add", str(data / "raw"))
        add_group_to_params(PARAMS_FILE, group)
    return report
