// Saving the cells of the week grid while one types: one after the other, in the order typed.

const RETRY_SECONDS = [1, 2, 5, 10, 30];

let queue = Promise.resolve();
const waiting = new Set();
const sentTexts = new Map();
// Given another text while one was being sent.
const changedAgain = new Set();
const savedTexts = new WeakMap();
// Since they were sent last. The browser's change event knows nothing of that: it comes again after
// Enter, and not for the same text typed again.
const typedInto = new Set();

// The server could not be reached, or asked to come back later: to be sent again.
class Unreachable extends Error {}

function savedText(input) {
  return savedTexts.get(input) ?? input.defaultValue;
}

function savedAll() {
  const active = document.activeElement;
  if (active?.matches("#grid .cell input")) commit(active);
  return waiting.size ? queue : Promise.resolve();
}

function formatDuration(minutes) {
  return `${Math.floor(minutes / 60)}:${String(minutes % 60).padStart(2, "0")}`;
}

function showSaveState(kind) {
  const state = document.getElementById("save-state");
  const grid = document.getElementById("grid");
  if (!state || !grid) return;
  state.textContent = grid.dataset[kind];
  state.classList.toggle("is-failed", kind === "failed" || kind === "offline");
}

function hasRefused() {
  return Boolean(document.querySelector("#grid .has-error"));
}

function showWhatIsSaved() {
  if (!waiting.size) showSaveState(hasRefused() ? "failed" : "saved");
}

function commit(input, { isUndo = false, restored = null } = {}) {
  const before = savedText(input);
  typedInto.delete(input);
  if (waiting.has(input)) {
    if (sentTexts.has(input) && sentTexts.get(input) !== input.value.trim()) changedAgain.add(input);
    return;
  }
  if (input.value.trim() === before) {
    if (input.getAttribute("aria-invalid")) { clearError(input); showWhatIsSaved(); }
    return;
  }
  const step = isUndo ? null : rememberForUndo(input, before);
  waiting.add(input);
  showSaveState("saving");
  queue = queue.then(() => save(input, step, restored));
}

// Never rejects: one cell that cannot be saved does not keep the others from it.
async function save(input, step, restored) {
  const cell = input.closest("td");
  cell.classList.add("is-saving");
  try {
    await sendUntilAnswered(input, step, restored);
    while (changedAgain.delete(input) && input.value.trim() !== savedText(input)) {
      await sendUntilAnswered(input, rememberForUndo(input, savedText(input)));
    }
    if (input.value.trim() === savedText(input)) clearError(input);
  } catch (error) {
    refuse(input, { error: document.getElementById("grid")?.dataset.failed ?? "" }, step);
    console.error(error);
  } finally {
    waiting.delete(input);
    sentTexts.delete(input);
    changedAgain.delete(input);
    cell.classList.remove("is-saving");
    showWhatIsSaved();
  }
}

async function sendUntilAnswered(input, step, restored = null) {
  for (let attempt = 0; ; attempt++) {
    if (isLeaving) return;
    try {
      sentTexts.set(input, input.value.trim());
      await sendCell(input, sentTexts.get(input), step, restored);
      return;
    } catch (error) {
      if (!(error instanceof Unreachable)) throw error;
      showSaveState("offline");
      const seconds = RETRY_SECONDS[Math.min(attempt, RETRY_SECONDS.length - 1)];
      await new Promise((resolve) => setTimeout(resolve, seconds * 1000));
    }
  }
}

async function sendCell(input, text, step, restored) {
  const grid = input.form ?? document.getElementById("grid");
  const { row, date } = placeKey(input);
  const response = await post(`/weeks/${grid.dataset.week}/cells`, { row, date, text, reference: input.dataset.reference, token: grid.dataset.token, restored });
  const body = await response.json();
  if (body.location) leaveAndComeBack(() => location.assign(body.location));
  else if (body.is_stale && !wasRestored) leaveAndComeBack(() => location.reload());
  else if (!response.ok) refuse(input, body, step);
  else accept(input, text, body, step);
}

async function post(address, body) {
  let response;
  try {
    response = await fetch(address, {
      method: "POST",
      credentials: "same-origin",
      headers: { "Content-Type": "application/json", "X-CSRF-Token": document.body.dataset.csrf, [SCRIPT_HEADER]: "1" },
      body: JSON.stringify(body),
    });
  } catch (error) {
    throw new Unreachable(String(error));
  }
  if (response.status >= 502 || response.status === 429) throw new Unreachable(response.statusText);
  return response;
}

function accept(input, text, { cell, removed, total, days }, step) {
  clearError(input);
  wasRestored = false;
  const shown = cell ? formatDuration(cell.minutes) : "";
  input.dataset.minutes = cell ? cell.minutes : 0;
  input.dataset.reference = cell ? cell.reference : "";
  if (input.value.trim() === text) input.value = shown;
  savedTexts.set(input, shown);
  if (step) step.restored = removed ?? null;
  updateLink(input, cell);
  if (input.isConnected) updateTotals(input.closest("tr"), total, days);
}

// `current` is the entry as somebody else left it.
function refuse(input, { error, current }, step) {
  clearError(input);
  if (step) forgetForUndo(step);
  if (current) {
    input.dataset.reference = current.reference;
    savedTexts.set(input, formatDuration(current.minutes));
  }
  const cell = input.closest("td");
  cell.classList.add("has-error");
  const message = document.createElement("span");
  message.className = "cell-error";
  message.id = `error-${Math.random().toString(36).slice(2)}`;
  const day = document.createElement("span");
  day.className = "cell-error-day";
  day.textContent = input.dataset.weekday;
  message.append(day, ` ${error}`);
  cell.append(message);
  input.setAttribute("aria-invalid", "true");
  input.setAttribute("aria-describedby", message.id);
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
  cell.classList.toggle("has-note", Boolean(entry?.note));
  if (!entry) { link?.remove(); return; }
  if (link) { link.href = `/entries/${entry.id}`; return; }
  const made = document.getElementById("cell-note").content.firstElementChild.cloneNode(true);
  made.href = `/entries/${entry.id}`;
  made.tabIndex = -1;
  if (entry.note) {
    made.title = entry.note;
    const image = made.querySelector("use");
    image.setAttribute("href", image.getAttribute("href").replace("#more", "#note"));
  }
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
