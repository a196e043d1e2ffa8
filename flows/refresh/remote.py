"""What DVC keeps of a group, as commits have it, pushed and fetched, whatever the workspace has become since.

Each commit is exported to a folder of its own. 'dvc push --all-tags' and 'dvc fetch --all-tags' are no way: of a
remote's relative path DVC takes what a tag says to be below the root of the disk, without a word.
"""

from __future__ import annotations

import shutil
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from flows.project import CommandError, dvc_answer, dvc_heard
from flows.refresh import git
from flows.refresh.staging import Staging, as_committed, targets
from pipeline.files import write_text

TAKEN: Final = ("core", "remote")  # sections of DVC's settings
NO_REMOTE: Final = "no default remote is set here, see 'dvc remote list'"


def default_remote() -> str:
    """What DVC calls the remote that it pushes to, '' when none is set."""
    return dvc_answer("config", "core.remote")


def push(place: Staging, commits: Sequence[str]) -> str:
    """Send what the default remote lacks of the group as in `commits`; why that failed, '' when it did not."""
    if not default_remote():
        return NO_REMOTE
    folder = place.folder / "push"
    try:
        for commit in (one for one in commits if git.blob(one, "dvc.yaml")):  # git forgets one that was amended
            _export(place.group, commit, folder)
            dvc_heard(folder, "push", *targets(place.group))
    except CommandError as error:
        return str(error)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return ""


def fetch(group: str, commit: str, folder: Path) -> None:
    """Make `folder` a project with the group as in `commit` and all that DVC keeps of it.

    What DVC's cache lacks comes from the default remote. Raises CommandError when neither has it.
    """
    _export(group, commit, folder)
    checkout = ("checkout", "--force", *targets(group))
    try:
        dvc_heard(folder, *checkout)
    except CommandError as lacking:
        try:
            dvc_heard(folder, "fetch", *targets(group))
            dvc_heard(folder, *checkout)
        except CommandError as error:
            raise CommandError(f"{lacking}; {error}") from None


def _export(group: str, commit: str, folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(mode=0o700, parents=True)  # settings may have passwords in them
    as_committed(group, commit, folder)
    write_text(folder / ".dvc" / "config", _settings(dvc_answer("config", "--list")))


def _settings(listed: str) -> str:
    """What DVC lists of its settings, which has paths whole, from all files that it reads, as a file of settings."""
    sections: defaultdict[str, dict[str, str]] = defaultdict(dict)
    for line in listed.splitlines():
        name, _, value = line.partition("=")
        section, _, option = name.rpartition(".")
        kind, _, remote = section.partition(".")
        if kind in TAKEN:
            quote = next((mark for mark in ('"', "'") if mark not in value), '"""')
            sections[f"'remote \"{remote}\"'" if remote else kind][option] = f"{quote}{value}{quote}"
    return "".join(
        f"[{section}]\n" + "".join(f"{option} = {value}\n" for option, value in options.items())
        for section, options in sections.items()
    )
