"use strict";
// The reader's side: asks the room what comes next, shows it, sends the answer until the room has acknowledged it, and asks again.
// What was answered lives in the room's database only; a reload starts where the stored answers end.

const PENDING = "facies-pending";
const jsPsych = initJsPsych({ display_element: "stage" });
const byId = (id) => document.getElementById(id);
const pause = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));
const pictures = new Map();
let room = null;
let onset = 0;
let zoomed = false;
let everZoomed = false;

const say = (name, values = {}) => Object.entries(values).reduce((text, [key, value]) => text.replace(`{${key}}`, value), room.texts[name]);

const remarkBox = () => byId("remark").querySelector("textarea");
const isRemark = (event) => event.target instanceof Element && event.target.closest("#remark") !== null;

function escaped(text) {
  return element("span", {}, String(text)).innerHTML;
}

function notice(text) {
  byId("notice").textContent = text;
  byId("notice").hidden = !text;
}

async function request(path, options = {}) {
  const answer = await fetch(path, { credentials: "same-origin", ...options });
  if (answer.ok) return answer;
  const body = await answer.json().catch(() => ({}));
  throw Object.assign(new Error(room?.texts[body.error] || body.message || String(answer.status)), { status: answer.status, code: body.error });
}

// A request that is repeated until the room answers; refusals are thrown.
async function patiently(path, options) {
  for (let wait = 500; ; wait = Math.min(wait * 2, 8000)) {
    try {
      const answer = await request(path, options);
      if (wait > 500) notice("");
      return answer;
    } catch (error) {
      if (error.status === 401) {
        await signedOut(error.message);
      } else if (error.status && error.status < 500) {
        throw error;
      } else {
        notice(error.status ? error.message : room ? say("offline") : "...");
      }
      await pause(wait);
    }
  }
}

async function signedOut(message) {
  notice(message);
  byId("notice").append(" ", element("a", { href: "/" }, "→"));
  await new Promise(() => {}); // the answer waits in this tab's storage until the page is loaded again
}

const post = (path, body) => patiently(path, { method: "POST", headers: { "Content-Type": "application/json", "X-CSRF-Token": room.csrf }, body });

async function sendPending() {
  const body = sessionStorage.getItem(PENDING);
  if (!body) return null;
  try {
    const answer = await (await post("/api/answers", body)).json();
    sessionStorage.removeItem(PENDING);
    notice("");
    return answer;
  } catch (error) {
    sessionStorage.removeItem(PENDING);
    notice(error.message);
    return null;
  }
}

async function pictureOf(id) {
  if (!pictures.has(id)) {
    const url = patiently(`/picture/${id}`).then((answer) => answer.blob()).then((blob) => URL.createObjectURL(blob));
    url.catch(() => pictures.delete(id));
    pictures.set(id, url);
  }
  return pictures.get(id);
}

async function showFace(id) {
  const image = byId("picture");
  image.src = await pictureOf(id);
  await image.decode();
  setZoom(false);
  everZoomed = false;
  byId("face").hidden = byId("remark").hidden = false;
  await new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve)));
  onset = performance.now();
}

function hideFace(keep) {
  byId("face").hidden = byId("remark").hidden = true;
  for (const [id, url] of pictures) {
    if (!keep.includes(id)) { url.then(URL.revokeObjectURL); pictures.delete(id); }
  }
}

function setZoom(on, x = 0.5, y = 0.5) {
  zoomed = on;
  everZoomed ||= on;
  const shift = (share) => `${-Math.min(1, Math.max(0, share)) * 100}%`;
  byId("picture").style.setProperty("transform", on ? `translate(${shift(x)}, ${shift(y)}) scale(2)` : "none");
}

function listenForZoom() {
  const place = (event) => { const box = byId("frame").getBoundingClientRect(); return [(event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height]; };
  byId("zoom").addEventListener("click", () => { setZoom(!zoomed); });
  byId("frame").addEventListener("pointermove", (event) => { if (zoomed && !byId("brush")) setZoom(true, ...place(event)); });
  document.addEventListener("keydown", (event) => {
    if (event.key.toLowerCase() === "z" && !isRemark(event) && !event.ctrlKey && !event.metaKey && !event.altKey && !byId("face").hidden && !byId("brush")) {
      event.preventDefault();
      setZoom(!zoomed);
    }
  });
}

// Buttons that also answer to their number, and to arrow keys.
function buttons(stimulus, choices, { numbered = true, list = true, value = (i) => i, keep } = {}) {
  const labels = choices.map((choice, i) => (numbered && i < 9 ? `<kbd>${i + 1}</kbd>${escaped(choice)}` : escaped(choice)));
  let listener = null;
  return {
    type: jsPsychHtmlButtonResponse,
    stimulus,
    choices: labels,
    css_classes: [list ? "list" : choices.length === 1 ? "one" : "grid"],
    on_load: () => {
      const made = [...document.querySelectorAll("#jspsych-html-button-response-btngroup button")];
      listener = (event) => buttonKey(event, made, numbered);
      document.addEventListener("keydown", listener);
      if (made.length === 1) made[0].focus({ preventScroll: true }); // of several none is offered first
      else byId("stage").focus({ preventScroll: true });
    },
    on_finish: (data) => { document.removeEventListener("keydown", listener); if (keep) keep(value(data.response)); },
  };
}

function buttonKey(event, made, numbered) {
  if (isRemark(event)) return;
  const here = made.indexOf(document.activeElement);
  const step = { ArrowDown: 1, ArrowRight: 1, ArrowUp: -1, ArrowLeft: -1 }[event.key];
  if (numbered && /^[1-9]$/.test(event.key) && made[Number(event.key) - 1]) made[Number(event.key) - 1].click();
  else if (step) {
    event.preventDefault();
    const first = step > 0 ? 0 : made.length - 1;
    made[here < 0 ? first : (here + step + made.length) % made.length].focus({ preventScroll: true });
  }
}

function heading(trial, question) {
  const tags = [trial.training ? `<span class="tag">${escaped(say("training"))}</span>` : ""];
  const lines = [];
  if (trial.instructed) lines.push(`<p class="question warning">${escaped(say("instructed", { value: shownAnswer(trial, trial.instructed) }))}</p>`);
  if ("model_score" in trial) lines.push(`<p class="question">${escaped(say("model_says", { value: trial.model_score }))}</p><p class="hint">${escaped(say("again"))}</p>`);
  return `<p>${tags.join("")}</p>${lines.join("")}<p class="question">${escaped(question)}</p>`;
}

const hint = (text) => `<p class="hint">${escaped(text)}</p>`;

function agePart(trial, keep) {
  const { bins, lowest, highest } = trial.task;
  if (bins.length) {
    const stimulus = heading(trial, say("how_old")) + hint(say("choose_bin"));
    return [buttons(stimulus, bins.map((first) => `${first}–${first + 4}`), { numbered: false, list: false, value: (i) => ({ bin: bins[i] }), keep })];
  }
  return [{
    type: NumberPart, stimulus: heading(trial, say("how_old")), unit: say("years"), hint: say("type_age"), send: say("send"),
    refusal: say("age_range", { lowest, highest }), lowest, highest, on_finish: (data) => keep({ age: data.value }),
  }];
}

function diagnosisPart(trial, keep) {
  const { choices, severity_grades: grades, regions } = trial.task;
  const named = choices.map((choice) => (choice === "none" ? say("none") : choice));
  let chosen = null;
  const note = (more) => { chosen = more.diagnosis || chosen; keep(more); };
  const parts = [
    buttons(heading(trial, say("which")) + hint(say("choose_key")), named, { value: (i) => ({ diagnosis: choices[i] }), keep: note }),
    { type: ScalePart, stimulus: heading(trial, say("how_sure")), low: say("unsure"), high: say("certain"), hint: say("arrows"), send: say("next"), on_finish: (data) => note({ confidence: data.value }) },
  ];
  const ifAny = (part) => parts.push({ timeline: [part], conditional_function: () => chosen !== "none" });
  if (grades) {
    const labels = Array.from({ length: grades + 1 }, (_, i) => `${i}${i === 0 ? ` ${say("grade_none")}` : i === grades ? ` ${say("grade_high")}` : ""}`);
    ifAny(buttons(heading(trial, say("how_marked")), labels, { value: (i) => ({ severity: i }), keep: note }));
  }
  if (regions) ifAny({ type: BrushPart, stimulus: heading(trial, say("mark")), label: say("mark"), send: say("send"), undo: say("undo"), on_start: () => setZoom(false), on_finish: (data) => note({ strokes: data.value }) });
  return parts;
}

function choicePart(trial, keep) {
  const { question, choices } = trial.task;
  return [buttons(heading(trial, question) + hint(say("choose_key")), choices, { value: (i) => ({ choice: choices[i] }), keep })];
}

const PARTS = { age: agePart, diagnosis: diagnosisPart, choice: choicePart };

function shownAnswer(trial, answer) {
  if (trial.task.kind === "choice") return answer;
  if (trial.task.kind === "diagnosis") return answer === "none" ? say("none") : answer;
  return trial.task.bins.length && trial.task.bins.includes(Number(answer)) ? `${answer}–${Number(answer) + 4}` : answer;
}

function submission(trial, value) {
  const token = Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
  return JSON.stringify({
    trial: trial.id, stage: trial.stage, position: trial.position, token, value, seconds: (performance.now() - onset) / 1000,
    shown_px: Math.round(byId("frame").getBoundingClientRect().width), zoomed: everZoomed, remark: remarkBox().value.trim() || null,
  });
}

async function readTrial(step) {
  const { trial } = step;
  if (step.break) await jsPsych.run([buttons(hint(say("break")), [say("continue")], { numbered: false, list: false })]);
  await jsPsych.run([{ type: WaitPart, work: () => showFace(trial.id) }]);
  step.preload.forEach((id) => pictureOf(id).catch(() => null)); // asked for again, and then told, when its turn comes
  const value = {};
  const parts = PARTS[trial.task.kind];
  await jsPsych.run(parts(trial, (more) => Object.assign(value, more)));
  sessionStorage.setItem(PENDING, submission(trial, value));
  remarkBox().value = "";
  byId("remark").open = false;
  let stored = null;
  await jsPsych.run([{ type: WaitPart, work: async () => { stored = await sendPending(); } }]);
  if (stored && stored.feedback !== null) await showFeedback(trial, value, stored.feedback);
  hideFace([trial.id, ...step.preload]);
}

async function showFeedback(trial, value, reference) {
  const own = shownAnswer(trial, value.diagnosis ?? value.choice ?? value.bin ?? value.age);
  const lines = [say("your_answer", { value: own }), say("reference", { value: shownAnswer(trial, reference) })];
  await jsPsych.run([buttons(heading(trial, "") + lines.map((line) => `<p class="question">${escaped(line)}</p>`).join(""), [say("next")], { numbered: false, list: false })]);
}

async function checkScreen() {
  const found = {};
  await jsPsych.run([
    buttons(hint(say("welcome")), [say("begin")], { numbered: false, list: false }),
    { type: CardPart, stimulus: hint(say("scale")), send: say("next"), skip: say("scale_skip"), on_finish: (data) => { found.px_per_mm = data.value; } },
    { type: GreyPart, stimulus: hint(say("grey")), dark: say("dark_steps"), light: say("light_steps"), send: say("next"), on_finish: (data) => Object.assign(found, data.value) },
  ]);
  room.px_per_mm = found.px_per_mm;
  await post("/api/checks", JSON.stringify({ ...found, width: innerWidth, height: innerHeight, pixel_ratio: devicePixelRatio }));
}

function setSize() {
  if (room.px_per_mm) byId("face").style.setProperty("--side", `${Math.round(room.picture_mm * room.px_per_mm)}px`);
}

async function nextStep() {
  const step = await (await patiently("/api/next")).json();
  byId("progress").textContent = say("progress", step);
  return step;
}

function ignoreHeldEnter() {
  const ignore = (event) => { if (event.repeat && event.key === "Enter") { event.preventDefault(); event.stopPropagation(); } };
  document.addEventListener("keydown", ignore, true);
}

async function main() {
  ignoreHeldEnter();
  room = await (await patiently("/api/room")).json();
  byId("zoom").textContent = say("zoom");
  listenForZoom();
  await sendPending();
  if (room.check) await checkScreen();
  setSize();
  for (let step = await nextStep(); step.state !== "done"; step = await nextStep()) {
    if (step.state === "paused") {
      hideFace([]);
      byId("stage").replaceChildren(element("p", { class: "question" }, say("paused")));
      await pause(5000);
    } else {
      await readTrial(step).catch((error) => { byId("brush")?.remove(); notice(error.message === String(error.status) ? say("picture_lost") : error.message); return pause(1500); });
    }
  }
  hideFace([]);
  byId("stage").replaceChildren(element("p", { class: "question", id: "done" }, say("done")));
}

main();
