"use strict";

/* The page: what the data scripts call, the video, the keys, and the address. */
const lineup = (() => {
  const STEP_S = 5, ONTO_FRAME_S = 0.002; // times are rounded: a little later is surely on the frame that is meant
  const at = (id) => document.getElementById(id);
  const video = at("video");
  const LABELLED = "labelled.mp4";
  let data, boxes, timeline, sources, origin_s = 0, saving = 0;

  const now = () => video.currentTime - origin_s;

  function open(given) {
    data = given;
    document.title = data.title;
    at("title").textContent = data.title;
    boxes = new Boxes(at("boxes"), video, data);
    document.body.style.setProperty("--lanes", data.members.length);
    timeline = new Timeline(at("lanes"), data, { seek, highlight, hide });
    origin_s = data.origin_s;
    video.width = data.width;
    video.height = data.height;
    video.onerror = fallBack;
    video.onloadedmetadata = () => { if (video.videoWidth) fromAddress(); else fallBack(); }; // sound may play without pictures
    at("seek").min = data.start_s;
    at("seek").max = data.end_s;
    at("seek").oninput = () => seek(Number(at("seek").value));
    video.onplay = video.onpause = () => { at("play").textContent = video.paused ? "Play" : "Pause"; save(); };
    video.ontimeupdate = () => { follow(now()); save(); };
    video.onseeked = () => { follow(now()); if (!video.requestVideoFrameCallback) boxes.show(now()); };
    at("play").onclick = video.onclick = toggle;
    at("sound").onclick = mute;
    at("next").onclick = () => jump(1);
    at("previous").onclick = () => jump(-1);
    at("whole").onclick = whole;
    at("ask").onclick = () => at("help").showModal();
    document.addEventListener("keydown", key, true);
    window.onhashchange = fromAddress;
    new ResizeObserver(() => boxes.draw()).observe(video);
    timeline.mark(null, boxes.hidden);
    boxes.show(startTime());
    everyFrame();
    /* `lineup serve` has it there; elsewhere it is where it was, seen from here. */
    sources = [...(location.protocol === "file:" ? [] : ["original"]), data.original, LABELLED];
    video.src = sources.shift();
  }

  /* Keep the boxes on the frame that is shown: by the browser's word where it gives it, else by the clock. */
  function everyFrame() {
    if (video.requestVideoFrameCallback) {
      video.requestVideoFrameCallback((_, frame) => { boxes.show(frame.mediaTime - origin_s); everyFrame(); });
    } else {
      requestAnimationFrame(() => { if (!video.paused) boxes.show(now()); everyFrame(); });
    }
  }

  /* labelled.mp4 has the boxes in it, and counts from zero. */
  function fallBack() {
    const next = sources.shift();
    if (next === LABELLED) {
      origin_s = 0;
      boxes.shown = false;
      boxes.draw();
      tell("The original video is not where it was, or this browser cannot play it. This is labelled.mp4, with the names in the picture.");
    }
    if (next) video.src = next;
    else tell("Neither the original video nor labelled.mp4 can be played here.");
  }

  function tell(text) {
    at("note").textContent = text;
    at("note").hidden = false;
  }

  function follow(time_s) {
    timeline.show(time_s);
    at("seek").value = time_s;
    at("seek").setAttribute("aria-valuetext", clock(time_s));
    at("clock").textContent = `${clock(time_s)} / ${clock(data.end_s)}`;
  }

  function seek(time_s) {
    video.currentTime = Math.max(data.start_s, Math.min(time_s, data.end_s)) + origin_s + ONTO_FRAME_S;
    follow(time_s);
  }

  function toggle() {
    if (video.paused) video.play().catch(() => {}); else video.pause();
  }

  function mute() {
    video.muted = !video.muted;
    at("sound").textContent = video.muted ? "Unmute" : "Mute";
  }

  function jump(step) {
    const named = data.members.map((_, lane) => lane).slice(0, -1).filter((lane) => !boxes.hidden.has(lane));
    const start_s = timeline.appearance(boxes.highlighted === null ? named : [boxes.highlighted], now(), step);
    if (start_s !== null) seek(start_s);
  }

  function highlight(lane) {
    boxes.highlighted = boxes.highlighted === lane ? null : lane;
    boxes.hidden.delete(boxes.highlighted);
    update();
  }

  function hide(lane) {
    if (!boxes.hidden.delete(lane)) boxes.hidden.add(lane);
    if (boxes.highlighted === lane) boxes.highlighted = null;
    update();
  }

  function update() {
    timeline.mark(boxes.highlighted, boxes.hidden);
    boxes.draw();
    save();
  }

  function whole() {
    if (document.fullscreenElement) document.exitFullscreen();
    else if (at("screen").requestFullscreen) at("screen").requestFullscreen();
    else video.webkitEnterFullscreen(); // phones that let only the video itself fill the screen
  }

  const KEYS = {
    " ": toggle, ArrowLeft: () => seek(now() - STEP_S), ArrowRight: () => seek(now() + STEP_S),
    n: () => jump(1), p: () => jump(-1), f: whole, m: mute, "?": () => at("help").showModal(),
  };

  function key(event) {
    if (event.ctrlKey || event.altKey || event.metaKey || at("help").open) return;
    if (event.key === " " && event.target.closest("button")) return; // that presses the button
    const lane = Number(event.key) - 1;
    const act = /^[1-9]$/.test(event.key) && lane < data.members.length ? () => highlight(lane) : KEYS[event.key];
    if (!act) return;
    event.preventDefault();
    event.stopPropagation();
    act();
  }

  const fromHash = () => new URLSearchParams(location.hash.slice(1));

  function startTime() {
    const time_s = Number.parseFloat(fromHash().get("t"));
    return Number.isFinite(time_s) ? time_s : data.start_s;
  }

  function fromAddress() {
    const lane = data.members.findIndex(({ key }) => key === fromHash().get("m"));
    boxes.highlighted = lane < 0 ? null : lane;
    timeline.mark(boxes.highlighted, boxes.hidden);
    boxes.draw();
    if (fromHash().has("t")) seek(startTime()); else follow(now());
  }

  /* At most twice a second, as browsers ask. */
  function save() {
    if (saving) return;
    saving = setTimeout(() => {
      saving = 0;
      const member = boxes.highlighted === null ? "" : `&m=${encodeURIComponent(data.members[boxes.highlighted].key)}`;
      history.replaceState(null, "", `#t=${Math.max(0, now()).toFixed(1)}${member}`);
    }, 500);
  }

  return { open, boxes: (number, faces) => boxes.add(number, faces) };
})();
