"""A small project that is built and has something to do: videos in its queue, a photo to be crawled, a remote."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import imageio_ffmpeg
import yaml
from PIL import Image, ImageOps

ROOT = Path(__file__).parent.parent
GROUP = "lanterns"
PHOTOS = 8  # of each member
CLIPS = {"a.mp4": "5.5", "b.mp4": "12"}  # a second from there


def make_project(project: Path) -> Path:
    """Make it, a clone of the last commit, in a folder that gets its videos and photos too."""
    place = project.parent
    subprocess.run(["git", "clone", "--quiet", str(ROOT), str(project)], check=True)
    git(project, "checkout", "--quiet", "-B", "kills")
    members = sorted(path for path in (ROOT / "data" / "sample" / "photos").iterdir() if path.is_dir())
    for member in members:
        (place / "photos" / member.name).mkdir(parents=True)
        (place / "source" / member.name).mkdir(parents=True)
        for photo in sorted(member.iterdir())[:PHOTOS]:
            shutil.copy(photo, place / "photos" / member.name)
    checked(project, "flows.cli", "import", str(place / "photos"), "--group", GROUP)
    set_up(project, place / "source")
    checked(project, "dvc", "repro", "--quiet")
    git(project, "add", "--all")
    git(project, "commit", "--quiet", "--message", "a group")
    with Image.open(min(members[0].glob("*.jpg"))) as known:
        ImageOps.mirror(known).save(place / "source" / members[0].name / "new.jpg", quality=95)
    for name, from_s in CLIPS.items():
        cut(from_s, place / "videos" / name)
    checked(project, "flows.cli", "queue", "add", str(place / "videos"), "--group", GROUP)
    return project


def set_up(project: Path, source: Path) -> None:
    """Have the group crawl from a folder per member, and compare the two quickest classifiers; a remote beside it."""
    roster = project / "data" / GROUP / "roster.yaml"
    document = yaml.safe_load(roster.read_text(encoding="utf-8"))
    for member in document["members"]:
        member["folder"] = str(source / member["key"])
    roster.write_text(yaml.safe_dump(document | {"sources": ["folder"]}, allow_unicode=True), encoding="utf-8")
    params = yaml.safe_load((project / "params.yaml").read_text(encoding="utf-8"))
    params["train"]["candidates"] = ["nearest", "svm"]
    (project / "params.yaml").write_text(yaml.safe_dump(params, allow_unicode=True), encoding="utf-8")
    checked(project, "dvc", "remote", "add", "--default", "store", "../remote")
    for name, value in (("user.name", "kills"), ("user.email", "kills@localhost")):
        git(project, "config", name, value)


def cut(from_s: str, clip: Path) -> None:
    """A second of the sample's video, from there on."""
    clip.parent.mkdir(exist_ok=True)
    (video,) = (ROOT / "data" / "sample" / "videos").glob("*.mp4")
    coded = ("-t", "1", "-vf", "scale=640:-2", "-c:v", "libx264", "-preset", "ultrafast", "-c:a", "aac")
    ffmpeg = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-nostdin", "-ss", from_s, "-i", str(video), *coded]
    subprocess.run([*ffmpeg, str(clip)], check=True)


def git(project: Path, *arguments: str) -> str:
    return subprocess.run(["git", *arguments], cwd=project, check=True, capture_output=True, text=True).stdout


def run(project: Path, *command: str) -> subprocess.CompletedProcess[str]:
    """Run a Python module with arguments in the project."""
    command = (sys.executable, "-m", *command)
    return subprocess.run(command, cwd=project, env=environment(project), capture_output=True, text=True)


def checked(project: Path, *command: str) -> None:
    done = run(project, *command)
    if done.returncode:
        raise SystemExit(f"{' '.join(command)}: {done.stdout}{done.stderr}")


def environment(project: Path) -> dict[str, str]:
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    return {**os.environ, "PATH": path, "PYTHONPATH": str(project), "PYTHONDONTWRITEBYTECODE": "1"}
