"use strict";

/* One lane per member: name, time on screen, and a strip of the video with its appearances. */
class Timeline {
  static NEAR_PX = 4; // a click this close to an appearance means it

  constructor(place, data, on) {
    Object.assign(this, { place, data, on }); // on: { seek(time_s), highlight(lane), hide(lane) }
    this.lanes = data.members.map((member, lane) => this.lane(member, lane));
    place.append(...this.lanes.map(({ row }) => row));
    new ResizeObserver(() => this.draw()).observe(place);
  }

  lane(member, lane) {
    const spans = Timeline.spans(member.spans_ms);
    const name = element("button", { type: "button", className: "name" },
      member.thumbnail ? element("img", { src: member.thumbnail, alt: "", loading: "lazy" }) : element("span", { className: "face" }),
      element("b", { dir: "auto", textContent: member.name }),
      element("small", { textContent: Timeline.told(member) }));
    name.title = `${member.name}: highlight${lane < 9 ? ` (${lane + 1})` : ""}\nSurely on screen for ${member.at_least_s.toFixed(1)} s,`
      + ` named for ${member.seconds.toFixed(1)} s, at most there for ${member.at_most_s.toFixed(1)} s`;
    name.onclick = () => this.on.highlight(lane);
    const hide = element("button", { type: "button", className: "hide" });
    hide.onclick = () => this.on.hide(lane);
    const canvas = element("canvas", {}), strip = element("div", { className: "strip" }, canvas);
    strip.setAttribute("role", "img");
    strip.setAttribute("aria-label", `${member.name}: ${spans.length} appearance${spans.length === 1 ? "" : "s"}, ${member.seconds.toFixed(1)} seconds`);
    this.listen(strip, spans);
    const row = element("div", { className: spans.length ? "lane" : "lane never" }, name, hide, strip);
    row.style.setProperty("--colour", member.colour);
    row.style.setProperty("--on-colour", member.ink);
    return { row, name, hide, canvas, spans, colour: member.colour, shown: member.name };
  }

  listen(strip, spans) {
    const tip = document.getElementById("tip");
    const seek = (event) => this.on.seek(this.timeAt(event, strip, spans));
    strip.onpointerdown = (event) => { if (event.button === 0) { strip.setPointerCapture(event.pointerId); seek(event); } };
    strip.onpointermove = (event) => {
      if (event.buttons & 1) seek(event);
      tip.hidden = false;
      tip.textContent = clock(this.timeAt(event, strip, spans));
      tip.style.left = `${Math.max(30, Math.min(event.clientX, innerWidth - 30))}px`;
      tip.style.top = `${strip.getBoundingClientRect().top}px`;
    };
    strip.onpointerleave = () => { tip.hidden = true; };
  }

  timeAt(event, strip, spans) {
    const { start_s, end_s } = this.data;
    const area = strip.getBoundingClientRect();
    const second_px = area.width / Math.max(end_s - start_s, 0.001);
    const time = start_s + Math.max(0, Math.min(event.clientX - area.left, area.width)) / second_px;
    if (spans.some(([start, end]) => start <= time && time < end)) return time;
    const starts = spans.map(([start]) => start);
    const nearest = starts.reduce((best, start) => Math.abs(start - time) < Math.abs(best - time) ? start : best, Infinity);
    return Math.abs(nearest - time) * second_px <= Timeline.NEAR_PX ? nearest : time;
  }

  draw() {
    const { start_s, end_s } = this.data;
    const ratio = window.devicePixelRatio || 1;
    for (const { canvas, spans, colour } of this.lanes) {
      const width = canvas.width = Math.round(canvas.clientWidth * ratio);
      const height = canvas.height = Math.round(canvas.clientHeight * ratio);
      const pen = canvas.getContext("2d"), second_px = width / Math.max(end_s - start_s, 0.001);
      pen.fillStyle = colour;
      let drawn = 0; // pixels up to here are done
      for (const [start, end] of spans) {
        const x0 = Math.max(drawn, Math.floor((start - start_s) * second_px));
        const x1 = Math.max(x0 + ratio, Math.round((end - start_s) * second_px));
        if (x1 <= drawn) continue;
        pen.fillRect(x0, height * 0.15, x1 - x0, height * 0.7);
        drawn = x1;
      }
    }
  }

  show(time_s) {
    const { start_s, end_s } = this.data;
    const share = Math.max(0, Math.min((time_s - start_s) / Math.max(end_s - start_s, 0.001), 1));
    this.place.style.setProperty("--at", `${share * 100}%`);
  }

  mark(highlighted, hidden) {
    this.lanes.forEach(({ row, name, hide, shown }, lane) => {
      name.setAttribute("aria-pressed", lane === highlighted);
      hide.textContent = hidden.has(lane) ? "Show" : "Hide";
      hide.setAttribute("aria-label", `${hide.textContent} ${shown}`);
      row.classList.toggle("hidden", hidden.has(lane));
    });
  }

  /* When the next (step 1) or previous (-1) appearance in any of `lanes` begins; null when there is none. */
  appearance(lanes, time_s, step) {
    const starts = lanes.flatMap((lane) => this.lanes[lane].spans.map(([start]) => start));
    const there = starts.filter((start) => step > 0 ? start > time_s + 0.05 : start < time_s - 0.7);
    return there.length ? there.reduce((a, b) => (step > 0) === (a < b) ? a : b) : null;
  }

  static spans(spans_ms) {
    const spans = [];
    for (let i = 0, start = 0; i < spans_ms.length; i += 2) {
      start += spans_ms[i];
      spans.push([start / 1000, (start + spans_ms[i + 1]) / 1000]);
    }
    return spans;
  }

  static told({ seconds, at_least_s, at_most_s }) {
    const range = at_most_s - at_least_s > 0.1 ? ` (${at_least_s.toFixed(1)} to ${at_most_s.toFixed(1)})` : "";
    return `${seconds.toFixed(1)} s${range}`;
  }
}

function element(tag, properties, ...children) {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...children);
  return made;
}

function clock(time_s) {
  const tenths = Math.floor(Math.max(0, time_s) * 10 + 1e-6), seconds = Math.floor(tenths / 10) % 60;
  const minutes = Math.floor(tenths / 600) % 60, hours = Math.floor(tenths / 36000);
  const two = (number) => String(number).padStart(2, "0");
  return `${hours ? `${hours}:${two(minutes)}` : minutes}:${two(seconds)}.${tenths % 10}`;
}
