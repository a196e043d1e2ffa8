"use strict";

/* Boxes and names over the picture. The faces come in pieces of some seconds, loaded when the video gets near them:
   [lane, end in ms, [t, x0, y0, x1, y1, ...]], all but the first position as differences. */
class Boxes {
  static KEEP = 8; // pieces in memory

  constructor(canvas, video, data) {
    Object.assign(this, { canvas, video, data });
    this.there = new Set(data.chunks);
    this.pieces = new Map(); // by number, the one used longest ago first
    this.asked = new Set();
    this.hidden = new Set(); // lanes
    this.highlighted = null;
    this.shown = true; // false when the names are in the picture itself
    this.time_ms = 0;
  }

  add(number, faces) {
    this.pieces.set(number, faces.map(([lane, end, steps]) => {
      const places = Int32Array.from(steps);
      for (let i = 5; i < places.length; i++) places[i] += places[i - 5];
      return { lane, end, places };
    }));
    while (this.pieces.size > Boxes.KEEP) this.pieces.delete(this.pieces.keys().next().value);
    this.draw();
  }

  /* Draw the frame of this time. A millisecond is added since times are rounded to whole ones. */
  show(time_s) {
    this.time_ms = time_s * 1000 + 1;
    if (this.shown) for (const step of [-1, 1, 0]) this.load(this.number() + step);
    this.draw();
  }

  number() {
    return Math.floor(this.time_ms / 1000 / this.data.boxes_s);
  }

  load(number) {
    if (!this.there.has(number)) return;
    const faces = this.pieces.get(number);
    if (faces) { // used just now
      this.pieces.delete(number);
      this.pieces.set(number, faces);
    } else if (!this.asked.has(number)) {
      this.asked.add(number);
      const script = document.createElement("script");
      script.src = `player/boxes-${number}.js`;
      script.onload = script.onerror = () => { script.remove(); this.asked.delete(number); };
      document.head.append(script);
    }
  }

  /* The faces on screen: lane and [x0, y0, x1, y1] in pixels of the video; unknown ones first, so that names cover them. */
  faces() {
    const now = this.time_ms;
    const here = (this.pieces.get(this.number()) || []).filter((face) => face.places[0] <= now && now < face.end);
    return here.map(({ lane, places }) => ({ lane, box: Boxes.between(places, now) })).sort((a, b) => b.lane - a.lane);
  }

  static between(places, now) {
    let low = 0, high = places.length / 5 - 1; // the last position not after now
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (places[middle * 5] <= now) low = middle; else high = middle - 1;
    }
    const a = low * 5, b = Math.min(a + 5, places.length - 5);
    const share = a === b ? 0 : (now - places[a]) / (places[b] - places[a]);
    return [1, 2, 3, 4].map((i) => places[a + i] + share * (places[b + i] - places[a + i]));
  }

  draw() {
    const { canvas, video, data } = this;
    const ratio = window.devicePixelRatio || 1;
    const width = Math.round(video.clientWidth * ratio), height = Math.round(video.clientHeight * ratio);
    if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
    const pen = canvas.getContext("2d");
    pen.clearRect(0, 0, width, height);
    if (!this.shown) return;
    // object-fit: contain, with the pixel shape and the rotation that the browser gives the picture
    const full = [video.videoWidth || data.width, video.videoHeight || data.height];
    const scale = Math.min(width / full[0], height / full[1]);
    const picture = { width: full[0] * scale, height: full[1] * scale };
    picture.left = (width - picture.width) / 2;
    picture.top = (height - picture.height) / 2;
    for (const face of this.faces()) if (!this.hidden.has(face.lane)) this.drawFace(pen, face, picture, ratio);
  }

  drawFace(pen, { lane, box }, picture, ratio) {
    const { width, height, members } = this.data;
    const sx = picture.width / width, sy = picture.height / height;
    const [x0, y0, x1, y1] = [box[0] * sx, box[1] * sy, box[2] * sx, box[3] * sy];
    const unknown = lane === members.length - 1;
    const dimmed = this.highlighted !== null && this.highlighted !== lane;
    pen.save();
    pen.translate(picture.left, picture.top);
    pen.globalAlpha = dimmed ? 0.35 : 1;
    pen.strokeStyle = members[lane].colour;
    pen.lineWidth = Math.max(2 * ratio, Math.min(picture.width, picture.height) / 180) / (unknown || dimmed ? 2 : 1);
    pen.strokeRect(x0, y0, x1 - x0, y1 - y0);
    if (!unknown && !dimmed) this.drawName(pen, members[lane], [x0, y0, x1, y1], picture, ratio);
    pen.restore();
  }

  drawName(pen, member, [x0, y0, , y1], picture, ratio) {
    const size = Math.max(11 * ratio, Math.min(picture.width, picture.height) / 24);
    const pad = size / 3, edge = 1.5 * ratio;
    pen.font = `600 ${size}px system-ui, sans-serif`;
    const name = Boxes.fitting(pen, member.name, Math.max(picture.width * 0.45, 4 * size) - 2 * pad);
    const width = pen.measureText(name).width + 2 * pad, height = size * 1.4;
    const above = y0 - edge - height;
    const x = Math.max(0, Math.min(x0 - edge, picture.width - width));
    const y = above >= 0 ? above : Math.min(y1 + edge, picture.height - height);
    pen.fillStyle = member.colour;
    pen.fillRect(x, y, width, height);
    pen.fillStyle = member.ink;
    pen.textBaseline = "middle";
    pen.fillText(name, x + pad, y + height / 2);
  }

  static fitting(pen, name, room) {
    if (pen.measureText(name).width <= room) return name;
    const letters = Array.from(name);
    while (letters.length && pen.measureText(letters.join("") + "…").width > room) letters.pop();
    return letters.join("") + "…";
  }
}
