// The week grid: typed like a spreadsheet, saved while one types.

const RETRY_SECONDS = [1, 2, 5, 10, 30];

let queue = Promise.resolve();
let waiting = new Set();
let savedTexts = new WeakMap();

function savedAll() {
  const active = document.activeElement;
  if (active?.matches("#grid .cell input")) commit(active);
  return waiting.size ? queue : Promise.resolve();
}

function formatDuration(minutes) {
  return `${Math.floor(minutes / 60)}:${String(minutes % 60).padStart(2, "0")}`;
}

function showSaveState(kind, text = "") {
  const state = document.getElementById("save-state");
  const grid = document.getElementById("grid");
  if (!state || !grid) return;
  state.textContent = text || grid.dataset[kind];
  state.classList.toggle("is-failed", kind === "failed" || kind === "offline");
}

function commit(input, { isUndo = false } = {}) {
  const before = savedTexts.get(input) ?? input.defaultValue;
  if (input.value.trim() === before || waiting.has(input)) return;
  if (!isUndo) rememberForUndo(input, before);
  waiting.add(input);
  showSaveState("saving");
  queue = queue.then(() => save(input));
}

async function save(input) {
  const cell = input.closest("td");
  cell.classList.add("is-saving");
  for (let attempt = 0; ; attempt++) {
    const text = input.value.trim();
    try {
      const done = await sendCell(input, text);
      if (done) finish(input, text);
      break;
    } catch (error) {
      if (!(error instanceof TypeError)) { waiting.delete(input); throw error; }
      showSaveState("offline");
      const seconds = RETRY_SECONDS[Math.min(attempt, RETRY_SECONDS.length - 1)];
      await new Promise((resolve) => setTimeout(resolve, seconds * 1000));
    }
  }
  waiting.delete(input);
  cell.classList.remove("is-saving");
  if (!waiting.size) {
    showSaveState(document.querySelector("#grid .has-error") ? "failed" : "saved");
  }
}

function finish(input, text) {
  if (input.value.trim() !== text) { waiting.delete(input); commit(input); }
}

// True once it is stored. A refusal is shown at the cell; 503 counts as unreachable.
async function sendCell(input, text) {
  const grid = document.getElementById("grid");
  const row = input.closest("tr").dataset.row;
  const response = await fetch(`/weeks/${grid.dataset.week}/cells`, {
    method: "POST",
    credentials: "same-origin",
    headers: { "Content-Type": "application/json", "X-CSRF-Token": document.body.dataset.csrf, [SCRIPT_HEADER]: "1" },
    body: JSON.stringify({ row, date: input.dataset.date, text, reference: input.dataset.reference, token: grid.dataset.token }),
  });
  if (response.status >= 502 || response.status === 429) throw new TypeError("unreachable");
  const body = await response.json();
  if (body.location) { location.assign(body.location); return false; }
  if (!response.ok) { refuse(input, body); return false; }
  accept(input, text, body);
  return true;
}

function accept(input, text, { cell, total, days }) {
  clearError(input);
  const shown = cell ? formatDuration(cell.minutes) : "";
  input.dataset.minutes = cell ? cell.minutes : 0;
  input.dataset.reference = cell ? cell.reference : "";
  if (input.value.trim() === text) input.value = shown;
  savedTexts.set(input, shown);
  updateLink(input, cell);
  updateTotals(input.closest("tr"), total, days);
}

function refuse(input, { error, current }) {
  if (current) input.dataset.reference = current.reference;
  clearError(input);
  const cell = input.closest("td");
  cell.classList.add("has-error");
  const message = document.createElement("span");
  message.className = "cell-error";
  message.id = `error-${Math.random().toString(36).slice(2)}`;
  message.textContent = error;
  cell.append(message);
  input.setAttribute("aria-invalid", "true");
  input.setAttribute("aria-describedby", message.id);
  // The same text again is meant to be sent again.
  savedTexts.set(input, null);
  announce(`${input.getAttribute("aria-label")}: ${error}`);
}

function clearError(input) {
  const cell = input.closest("td");
  cell.classList.remove("has-error");
  cell.querySelector(".cell-error")?.remove();
  input.removeAttribute("aria-invalid");
  input.removeAttribute("aria-describedby");
}

function updateLink(input, entry) {
  const cell = input.closest("td");
  const link = cell.querySelector(".cell-note");
  if (!entry) { link?.remove(); return; }
  if (link) { link.href = `/entries/${entry.id}`; return; }
  const made = document.getElementById("cell-note").content.firstElementChild.cloneNode(true);
  made.href = `/entries/${entry.id}`;
  made.querySelector(".visually-hidden").append(` ${input.getAttribute("aria-label")}`);
  cell.append(made);
}

function updateTotals(row, total, days) {
  const minutes = [...row.querySelectorAll("[data-minutes]")].map((cell) => Number(cell.dataset.minutes));
  row.querySelector("[data-row-total]").textContent = formatDuration(minutes.reduce((sum, one) => sum + one, 0));
  for (const [date, sum] of Object.entries(days)) {
    const shown = document.querySelector(`[data-day-total="${date}"]`);
    shown.textContent = formatDuration(sum);
    const progress = shown.parentElement.querySelector("progress");
    if (progress) progress.value = Math.min(sum, progress.max);
  }
  for (const shown of document.querySelectorAll("[data-week-total]")) shown.textContent = formatDuration(total);
  const bar = document.querySelector(".summary-bar progress");
  if (bar) bar.value = Math.min(total, bar.max);
}

function inputAt(rows, row, column) {
  return rows[row]?.querySelectorAll("td.cell")[column]?.querySelector("input:not([type])") ?? null;
}

function placeOf(input) {
  const rows = [...document.querySelectorAll("#grid tbody tr")];
  const row = rows.indexOf(input.closest("tr"));
  const column = [...rows[row].querySelectorAll("td.cell")].indexOf(input.closest("td"));
  return { rows, row, column };
}

function move(input, down, right) {
  const { rows, row, column } = placeOf(input);
  for (let step = 1; step < 50; step++) {
    const target = inputAt(rows, row + down * step, column + right * step);
    if (target) { target.focus(); target.select(); return true; }
    if (!rows[row + down * step] || column + right * step < 0 || column + right * step > 6) return false;
  }
  return false;
}

function pressKey(event) {
  const input = event.target;
  if (!input.matches?.("#grid .cell input:not([type])")) return;
  const atStart = input.selectionStart === 0 && (input.selectionEnd === 0 || input.selectionEnd === input.value.length);
  const atEnd = input.selectionEnd === input.value.length && (input.selectionStart === input.selectionEnd || input.selectionStart === 0);
  const moves = { ArrowUp: [-1, 0], ArrowDown: [1, 0], Enter: [event.shiftKey ? -1 : 1, 0], ArrowLeft: atStart && [0, -1], ArrowRight: atEnd && [0, 1] };
  const direction = moves[event.key];
  if (direction) {
    event.preventDefault();
    if (!move(input, ...direction)) commit(input);
  } else if (event.key === "Escape") {
    input.value = savedTexts.get(input) ?? input.defaultValue;
    input.select();
  } else if (event.key === "F2") {
    event.preventDefault();
    input.closest("td").querySelector(".cell-note")?.click();
  }
}

function paste(event) {
  const input = event.target;
  if (!input.matches?.("#grid .cell input:not([type])")) return;
  const lines = event.clipboardData.getData("text/plain").replace(/\r?\n$/, "").split(/\r?\n/).map((line) => line.split("\t"));
  if (lines.length === 1 && lines[0].length === 1) return;
  event.preventDefault();
  const { rows, row, column } = placeOf(input);
  asOneUndo(() => lines.forEach((line, down) => line.forEach((text, right) => {
    const target = inputAt(rows, row + down, column + right);
    if (target) { target.value = text.trim(); commit(target); }
  })));
}
