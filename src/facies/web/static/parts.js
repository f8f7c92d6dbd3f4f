"use strict";
// Parts of a trial that jsPsych has no plugin for, as jsPsych plugins of our own: a number, a scale, a brush, and steps that wait.
// Nothing here writes a style into markup: the room's content security policy forbids it.

const { ParameterType } = jsPsychModule;

function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else if (value === true) made.setAttribute(name, "");
    else if (value !== false && value !== null) made.setAttribute(name, value);
  }
  made.append(...children.filter((child) => child !== null));
  return made;
}

function pluginInfo(name, parameters) {
  return { name, version: "1.0.0", parameters, data: { value: { type: ParameterType.OBJECT } } };
}

const HTML = { type: ParameterType.HTML_STRING, default: "" };
const INT = { type: ParameterType.INT, default: 0 };
const TEXT = { type: ParameterType.STRING, default: "" };
const CALL = { type: ParameterType.FUNCTION, default: undefined };

class WaitPart {
  static info = pluginInfo("facies-wait", { work: CALL });
  constructor(jsPsych) { this.jsPsych = jsPsych; }
  trial(display, trial, onLoad) {
    onLoad();
    return trial.work().then((value) => ({ value }));
  }
}

class NumberPart {
  static info = pluginInfo("facies-number", { stimulus: HTML, unit: TEXT, hint: TEXT, refusal: TEXT, send: TEXT, lowest: INT, highest: INT });
  constructor(jsPsych) { this.jsPsych = jsPsych; }
  trial(display, trial) {
    display.insertAdjacentHTML("beforeend", trial.stimulus);
    const refusal = element("p", { class: "hint warning", role: "alert" });
    const input = element("input", { class: "number", inputmode: "numeric", pattern: "[0-9]*", maxlength: 3, autocomplete: "off", id: "number", "aria-label": trial.unit });
    const form = element("form", { novalidate: true }, element("p", {}, input, " ", trial.unit, " ", element("button", {}, trial.send)), element("p", { class: "hint" }, trial.hint), refusal);
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      const value = Number(input.value);
      if (/^\d{1,3}$/.test(input.value.trim()) && value >= trial.lowest && value <= trial.highest) this.jsPsych.finishTrial({ value });
      else { refusal.textContent = trial.refusal; input.select(); }
    });
    display.append(form);
    input.focus({ preventScroll: true });
  }
}

class ScalePart {
  static info = pluginInfo("facies-scale", { stimulus: HTML, low: TEXT, high: TEXT, hint: TEXT, send: TEXT });
  constructor(jsPsych) { this.jsPsych = jsPsych; }
  trial(display, trial) {
    display.insertAdjacentHTML("beforeend", trial.stimulus);
    const range = element("input", { type: "range", min: 0, max: 100, step: 1, value: 50, class: "scale untouched", id: "scale", "aria-label": `${trial.low} - ${trial.high}` });
    const shown = element("p", { class: "value", "aria-hidden": "true" });
    const button = element("button", { disabled: true }, trial.send);
    const touched = () => { range.classList.remove("untouched"); button.disabled = false; shown.textContent = `${range.value} %`; };
    range.addEventListener("input", touched);
    range.addEventListener("pointerdown", touched);
    range.addEventListener("keydown", (event) => { if (/^\d$/.test(event.key)) { range.value = Number(event.key) * 10; touched(); } });
    const form = element("form", {}, range, element("div", { class: "ends" }, element("span", {}, trial.low), element("span", {}, trial.high)), shown, element("p", { class: "hint" }, trial.hint), button);
    const done = () => { if (!button.disabled) this.jsPsych.finishTrial({ value: Number(range.value) }); };
    form.addEventListener("submit", (event) => { event.preventDefault(); done(); });
    range.addEventListener("keydown", (event) => { if (event.key === "Enter") { event.preventDefault(); done(); } });
    display.append(form);
    range.focus({ preventScroll: true });
  }
}

class BrushPart {
  static info = pluginInfo("facies-brush", { stimulus: HTML, label: TEXT, send: TEXT, undo: TEXT, width: { type: ParameterType.FLOAT, default: 0.05 } });
  constructor(jsPsych) { this.jsPsych = jsPsych; }
  trial(display, trial) {
    display.insertAdjacentHTML("beforeend", trial.stimulus);
    const frame = document.getElementById("frame");
    const canvas = element("canvas", { width: 720, height: 720, tabindex: 0, id: "brush", role: "application", "aria-label": trial.label });
    const strokes = [];
    const cursor = { x: 0.5, y: 0.5, shown: false };
    let stroke = null;
    const draw = () => drawStrokes(canvas, strokes, cursor, trial.width);
    const at = (event) => {
      const box = canvas.getBoundingClientRect();
      return [(event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height].map((share) => Math.min(1, Math.max(0, share)));
    };
    canvas.addEventListener("pointerdown", (event) => {
      if (strokes.length >= 200) return;
      stroke = { width: trial.width, points: [at(event)] };
      strokes.push(stroke);
      canvas.setPointerCapture(event.pointerId);
      draw();
    });
    canvas.addEventListener("pointermove", (event) => { if (stroke && grow(strokes, stroke, at(event))) draw(); });
    for (const name of ["pointerup", "pointercancel"]) canvas.addEventListener(name, () => { stroke = null; });
    const undo = () => { strokes.pop(); draw(); };
    const finish = () => { canvas.remove(); this.jsPsych.finishTrial({ value: strokes }); };
    canvas.addEventListener("keydown", (event) => {
      const move = { ArrowLeft: [-0.02, 0], ArrowRight: [0.02, 0], ArrowUp: [0, -0.02], ArrowDown: [0, 0.02] }[event.key];
      if (move) { cursor.shown = true; cursor.x = Math.min(1, Math.max(0, cursor.x + move[0])); cursor.y = Math.min(1, Math.max(0, cursor.y + move[1])); }
      else if (event.key === " ") { cursor.shown = true; if (strokes.length < 200) strokes.push({ width: trial.width, points: [[cursor.x, cursor.y]] }); }
      else if (event.key === "Backspace") strokes.pop();
      else if (event.key === "Enter") { event.preventDefault(); finish(); return; }
      else return;
      event.preventDefault();
      draw();
    });
    display.append(element("p", {}, element("button", { type: "button", class: "quiet", onclick: undo }, trial.undo), " ", element("button", { type: "button", onclick: finish }, trial.send)));
    frame.append(canvas);
    canvas.focus({ preventScroll: true });
  }
}

// Adds a point that lies apart from the last one; all strokes together stay well below what the room takes.
function grow(strokes, stroke, point) {
  const last = stroke.points[stroke.points.length - 1];
  const total = strokes.reduce((sum, { points }) => sum + points.length, 0);
  if (Math.hypot(point[0] - last[0], point[1] - last[1]) < 0.004 || stroke.points.length >= 5000 || total >= 20000) return false;
  stroke.points.push(point.map((share) => Math.round(share * 1e4) / 1e4));
  return true;
}

function drawStrokes(canvas, strokes, cursor, width) {
  const context = canvas.getContext("2d");
  context.clearRect(0, 0, canvas.width, canvas.height);
  context.strokeStyle = context.fillStyle = "rgba(224, 120, 30, .5)";
  context.lineCap = context.lineJoin = "round";
  for (const { width: share, points } of strokes) {
    context.lineWidth = share * canvas.width;
    context.beginPath();
    points.forEach(([x, y], i) => context[i ? "lineTo" : "moveTo"](x * canvas.width, y * canvas.height));
    if (points.length === 1) context.lineTo(points[0][0] * canvas.width + 0.1, points[0][1] * canvas.height);
    context.stroke();
  }
  if (!cursor.shown) return;
  context.strokeStyle = "#fff";
  context.lineWidth = 3;
  context.beginPath();
  context.arc(cursor.x * canvas.width, cursor.y * canvas.height, (width * canvas.width) / 2, 0, 2 * Math.PI);
  context.stroke();
}

class CardPart {
  static info = pluginInfo("facies-card", { stimulus: HTML, send: TEXT, skip: TEXT });
  constructor(jsPsych) { this.jsPsych = jsPsych; }
  trial(display, trial) {
    display.insertAdjacentHTML("beforeend", trial.stimulus);
    const card = element("div", { class: "card" });
    const range = element("input", { type: "range", min: 160, max: 900, step: 1, value: 324, class: "scale", id: "card", "aria-label": "mm" });
    const show = () => card.style.setProperty("width", `${range.value}px`);
    range.addEventListener("input", show);
    show();
    const mmWide = 85.6; // ISO/IEC 7810 ID-1
    const done = (value) => this.jsPsych.finishTrial({ value });
    range.addEventListener("keydown", (event) => { if (event.key === "Enter") done(Number(range.value) / mmWide); });
    display.append(card, element("p", {}, range), element("p", {}, element("button", { type: "button", onclick: () => done(Number(range.value) / mmWide) }, trial.send), " ", element("button", { type: "button", class: "quiet", onclick: () => done(null) }, trial.skip)));
    range.focus();
  }
}

class GreyPart {
  static info = pluginInfo("facies-grey", { stimulus: HTML, dark: TEXT, light: TEXT, send: TEXT });
  constructor(jsPsych) { this.jsPsych = jsPsych; }
  trial(display, trial) {
    display.insertAdjacentHTML("beforeend", trial.stimulus);
    const steps = 10;
    const strip = (level) => {
      const fields = Array.from({ length: steps + 1 }, (_, i) => {
        const field = element("span");
        const grey = level(i);
        field.style.setProperty("background", `rgb(${grey},${grey},${grey})`);
        return field;
      });
      return element("div", { class: "greys" }, ...fields);
    };
    const count = (id, label) => {
      const input = element("input", { id, type: "number", min: 0, max: steps, required: true, class: "number" });
      return element("p", {}, element("label", {}, label, " ", input));
    };
    const form = element("form", {}, strip((i) => i * 3), count("dark", trial.dark), strip((i) => 255 - i * 3), count("light", trial.light), element("button", {}, trial.send));
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.jsPsych.finishTrial({ value: { dark_steps: Number(form.querySelector("#dark").value), light_steps: Number(form.querySelector("#light").value) } });
    });
    display.append(form);
    form.querySelector("#dark").focus();
  }
}
