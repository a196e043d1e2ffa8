"use strict";
// Everything that comes from outside is set as text, never as HTML. Decisions are sent one after the other, in order.

const byId = id => document.getElementById(id);
const cards = [...document.querySelectorAll(".card")];
const names = new Map([...document.querySelectorAll("[data-member]")].map(
  button => [button.dataset.member, button.querySelector("span").textContent]));
const token = document.querySelector("meta[name=token]").content;
const UNDO = "lineup-review-undo";
let current = -1, sending = Promise.resolve();

function select(index) {
  if (!cards.length) return;
  cards[current]?.classList.remove("current");
  current = Math.max(0, Math.min(cards.length - 1, index));
  cards[current].classList.add("current");
  const card = cards[current], section = card.closest("section");
  const first = section.querySelector(".card") === card, tall = card.offsetHeight > innerHeight / 2;
  (first ? section : card).scrollIntoView({ block: first || tall ? "start" : "center" });
}

function paint(card, decided) {
  const { key, filed } = card.dataset;
  const one = decided[key];
  const member = one?.member || filed;
  card.classList.toggle("accepted", one?.decision === "accept");
  card.classList.toggle("rejected", one?.decision === "reject");
  card.dataset.decision = one?.decision ?? "";
  card.querySelector(".state").textContent =
    !one ? card.dataset.machine ?? "" : one.decision === "reject" ? "✗ left out" : `✓ ${names.get(member) ?? member}`;
}

const undecided = section => cards.filter(card => section.contains(card) && card.dataset.offer && !card.dataset.decision);

function offerAll(button) {
  const open = undecided(button.closest("section"));
  button.hidden = !open.length;
  if (open.length) button.textContent = `Accept ${open.length === 1 ? "this one" : `all ${open.length}`} as ${names.get(open[0].dataset.offer)}`;
}

function tell({ waiting, problems, counts }) {
  document.querySelectorAll("nav span").forEach((span, index) => { span.textContent = counts[index] ?? ""; });
  byId("waiting").textContent = waiting
    ? `${waiting} ${waiting === 1 ? "decision is" : "decisions are"} not built in yet: run dvc repro when you are done.`
    : counts.at(-1) ? "Every decision is built in." : "Nothing is decided yet.";
  document.querySelectorAll("[data-action=all]").forEach(offerAll);
  problem(problems.join(" · "));
}

function problem(text) {
  byId("problem").textContent = text;
  byId("problem").hidden = !text;
}

async function asked(path, options) {
  let answer;
  try {
    answer = await fetch(path, options);
  } catch {
    throw new Error("Not saved: 'lineup review' has ended. Start it again and load this page anew.");
  }
  const told = await answer.json();
  if (!answer.ok) throw new Error(`Not saved: ${typeof told.detail === "string" ? told.detail : "not understood"}`);
  return told;
}

async function refresh() {
  try {
    const told = await asked("/decisions");
    cards.forEach(card => paint(card, told.decided));
    tell(told);
  } catch (error) {
    problem(error.message);
  }
}

function send(key, decision, member, { undoes = false, together = null } = {}) {
  sending = sending.then(async () => {
    try {
      const told = await asked("/decisions", {
        method: "POST",
        headers: { "Content-Type": "application/json", "X-Lineup-Token": token },
        body: JSON.stringify({ key, decision, member }),
      });
      for (const card of cards) if (card.dataset.key === key) paint(card, { [key]: told.now });
      if (!undoes && (told.before || told.now)) remember({ key, before: told.before, together });
      tell(told);
    } catch (error) {
      problem(error.message);
      const at = cards.findIndex(card => card.dataset.key === key);
      if (at >= 0 && at < current) select(at); // it went on as if this had been saved
    }
  });
}

function undoable() {
  return JSON.parse(sessionStorage.getItem(UNDO) ?? "[]");
}

function remember(step) {
  sessionStorage.setItem(UNDO, JSON.stringify([...undoable(), step].slice(-5000)));
}

function undo() {
  sending = sending.then(() => {
    const steps = undoable(), last = steps.at(-1);
    if (!last) return problem("Nothing was decided in this window that could be undone; 0 takes a decision back.");
    const from = last.together === null ? steps.length - 1 : steps.findIndex(step => step.together === last.together);
    const undone = steps.splice(from);
    sessionStorage.setItem(UNDO, JSON.stringify(steps));
    const at = cards.findIndex(card => card.dataset.key === undone[0].key);
    if (at >= 0) select(at);
    for (const { key, before } of undone) send(key, before?.decision ?? "clear", before?.member ?? "", { undoes: true });
  });
}

// Looked for when what was pressed before has been saved: who was just rejected is not accepted after all.
function acceptAll(section) {
  sending = sending.then(() => {
    const open = undecided(section), together = crypto.randomUUID();
    for (const card of open) send(card.dataset.key, "accept", card.dataset.offer, { together });
    if (open.length) select(cards.indexOf(open.at(-1)) + 1);
  });
}

function decide(decision, member = "") {
  if (current < 0) return;
  send(cards[current].dataset.key, decision, member);
  byId("members").classList.remove("open");
  if (decision !== "clear") select(current + 1);
}

function toggle(id) {
  const dialog = byId(id);
  dialog.open ? dialog.close() : dialog.showModal();
}

function wholePhoto() {
  if (current < 0) return;
  byId("mark").hidden = true; // until the photo's size is known
  byId("whole").src = `/photo/${encodeURIComponent(cards[current].dataset.key)}`;
  toggle("photo");
}

function mark() {
  const { naturalWidth: width, naturalHeight: height } = byId("whole");
  const [x0, y0, x1, y1] = cards[current].dataset.box.split(" ").map(Number);
  const place = { left: x0 / width, top: y0 / height, width: (x1 - x0) / width, height: (y1 - y0) / height };
  for (const [side, share] of Object.entries(place)) byId("mark").style[side] = `${100 * share}%`;
  byId("whole").style.setProperty("--ratio", width / height);
  byId("mark").hidden = false;
}

const actions = {
  accept: () => current >= 0 && decide("accept", cards[current].dataset.offer),
  all: button => current >= 0 && acceptAll((button ?? cards[current]).closest("section")),
  reject: () => decide("reject"),
  clear: () => decide("clear"),
  who: () => byId("members").classList.toggle("open"),
  undo,
  help: () => toggle("help"),
  photo: wholePhoto,
  next: () => select(current + 1),
  previous: () => select(current - 1),
};
const keys = {
  a: "accept", "shift-a": "all", r: "reject", 0: "clear", u: "undo", "?": "help", " ": "photo",
  n: "next", j: "next", arrowright: "next", arrowdown: "next",
  p: "previous", k: "previous", arrowleft: "previous", arrowup: "previous",
};

// On keyboards of other alphabets the place of the key counts.
function pressed(event) {
  const latin = event.key.length > 1 || /^[a-z0-9? ]$/i.test(event.key);
  const key = (latin ? event.key : event.code.replace(/^(Key|Digit)/, "")).toLowerCase();
  return key === "a" && event.shiftKey ? "shift-a" : key;
}

document.addEventListener("keydown", event => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const key = pressed(event);
  if (document.querySelector("dialog[open]")) {
    if (key === "?" || key === " ") { event.preventDefault(); document.querySelector("dialog[open]").close(); }
    return;
  }
  const member = document.querySelector(`[data-shortcut="${CSS.escape(key)}"]`);
  if (!member && !keys[key]) return;
  event.preventDefault();
  member ? decide("accept", member.dataset.member) : actions[keys[key]]();
});

document.addEventListener("click", event => {
  const button = event.target.closest("button"), card = event.target.closest(".card");
  if (button?.dataset.member !== undefined) decide("accept", button.dataset.member);
  else if (button) actions[button.dataset.action](button);
  else if (event.target.closest("#photo")) toggle("photo");
  else if (card) {
    const again = cards[current] === card && event.target.matches(".card > .face");
    again ? wholePhoto() : select(cards.indexOf(card));
  }
  if (button) button.blur(); // or the space bar would press it again
});

byId("whole").addEventListener("load", mark);
document.addEventListener("visibilitychange", () => document.hidden || refresh()); // another tab may have decided
for (const button of document.querySelectorAll("[data-colour]")) button.style.setProperty("--member", button.dataset.colour);
document.querySelector("nav [aria-current]").scrollIntoView({ block: "nearest", inline: "center" });
refresh().then(() => {
  const first = cards.findIndex(card => !card.dataset.decision);
  if (cards.length) select(Math.max(0, first));
});
