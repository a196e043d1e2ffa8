"""What comes out plays in a browser: in a real one, to its end, with every frame."""

from __future__ import annotations

import http.server
import json
import queue
import shutil
import subprocess
import threading
from pathlib import Path

import pytest
from clips import QUICK, clip

from pipeline.roster import Roster
from pipeline.video.mux import put_sound_back
from pipeline.video.probe import probe
from pipeline.video.render import render

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
CLIPS = [
    "24.mp4", "vfr.mp4", "turned-90.mp4", "23.976.mp4", "60.mp4", "no-sound.mp4", "two-tracks.mp4", "edit-list.mp4",
    "late-pictures.mp4", "10-bit.mp4", "hdr.mp4", "hlg.mp4", "odd.mp4", "flac.mkv", "vp8-vorbis.webm", "pcm.mov",
    "xvid-mp3.avi", "broadcast.ts", "full-range.mp4", "rgb.mkv",
]  # fmt: skip
PAGE = """<!doctype html><body><script>
const play = file => new Promise(done => {
  const video = document.createElement('video');
  video.muted = true;
  video.onerror = () => done({file, error: video.error.message || 'cannot be decoded'});
  video.onended = () => done({file, width: video.videoWidth, height: video.videoHeight, s: video.duration,
                              frames: video.getVideoPlaybackQuality().totalVideoFrames});
  video.src = file;
  document.body.append(video);
  video.play();
});
const tell = async () => {
  const told = await Promise.all(FILES.map(play));
  fetch('http://127.0.0.1:PORT/', {method: 'POST', mode: 'no-cors', body: JSON.stringify(told)});
};
window.onload = tell;
</script>"""


def played(files: list[Path], folder: Path) -> list[dict]:
    """What a browser without a window says of each file after it has played it."""
    told: queue.Queue[list[dict]] = queue.Queue()

    class Ear(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            told.put(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Ear)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    page = PAGE.replace("FILES", json.dumps([file.as_uri() for file in files])).replace("PORT", str(server.server_port))
    (folder / "page.html").write_text(page, "utf-8")
    options = ("--headless", "--no-sandbox", "--disable-gpu", "--remote-debugging-port=0", "--mute-audio")
    profile = (f"--user-data-dir={folder / 'profile'}", "--autoplay-policy=no-user-gesture-required")
    command = [CHROMIUM, *options, *profile, (folder / "page.html").as_uri()]
    browser = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        return told.get(timeout=120)
    finally:
        browser.terminate()
        browser.wait(20)
        server.shutdown()
        server.server_close()


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine: install the package 'chromium'")
def test_results_play_in_chromium_to_their_end(tmp_path: Path) -> None:
    expected = []
    for name in CLIPS:
        pictures = tmp_path / f"pictures-{name}.mp4"
        report = render(clip(name), {}.get, Roster("g", ()), QUICK, pictures)
        put_sound_back(pictures, clip(name), tmp_path / f"{name}.mp4")
        made = probe(pictures)
        expected.append({"file": f"{name}.mp4", "width": made.width, "height": made.height, "frames": report.frames})
    told = played([tmp_path / one["file"] for one in expected], tmp_path)
    assert [one.get("error") for one in told] == [None] * len(CLIPS)
    for one, wanted in zip(told, expected, strict=True):
        assert (one["width"], one["height"]) == (wanted["width"], wanted["height"]), wanted["file"]
        assert one["frames"] >= wanted["frames"] - 1, wanted["file"]
