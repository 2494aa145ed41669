// Keys beyond those of moving about: undo, "same as the day before", and the list of keys.

const UNDO_STEPS = 100;

// Each step is a list of {place, text}: a pasted block is undone at once. Of a deleted entry,
// `restored` has what its cell does not show.
let undoSteps = [];
let openStep = null;

function placeKey(input) {
  return { row: input.closest("tr").dataset.row, date: input.dataset.date };
}

function inputOf({ row, date }) {
  return document.querySelector(`#grid tr[data-row="${CSS.escape(row)}"] input[data-date="${date}"]`);
}

function rememberForUndo(input, text) {
  const change = { place: placeKey(input), text };
  if (openStep) { openStep.push(change); return change; }
  undoSteps.push([change]);
  undoSteps = undoSteps.slice(-UNDO_STEPS);
  return change;
}

// What was refused changed nothing that could be undone.
function forgetForUndo(change) {
  undoSteps = undoSteps.map((step) => step.filter((one) => one !== change)).filter((step) => step.length);
}

function asOneUndo(work) {
  openStep = [];
  work();
  if (openStep.length) undoSteps.push(openStep);
  openStep = null;
}

// Saves what the cells held before the last change. Cells of another week are gone with its page.
function undo() {
  const step = undoSteps.pop();
  if (!step) return;
  for (const { place, text, restored } of step.reverse()) {
    const input = inputOf(place);
    if (!input) continue;
    input.value = text;
    commit(input, { isUndo: true, restored });
    input.focus();
    input.select();
  }
}

function copyDayBefore(input) {
  const { rows, row, column } = placeOf(input);
  const cell = rows[row].querySelectorAll("td.cell")[column - 1];
  // There is no day before Monday here: it stays as it was.
  input.value = cell ? cell.querySelector("input:not([type])")?.value ?? cell.querySelector(".cell-fixed").textContent.replace("–", "").trim() : savedText(input);
  input.select();
}

function openKeys() {
  const link = document.getElementById("keyboard-help");
  if (link && !document.querySelector("dialog[open]")) openDialog(link, document.activeElement);
}

function pressShortcut(event) {
  const target = event.target;
  const isCell = target.matches?.("#grid .cell input:not([type])");
  const isTyping = target.matches?.("input, textarea, select") && !isCell;
  if (event.key === "?" && !isTyping && !event.ctrlKey && !event.metaKey && !event.altKey) {
    event.preventDefault();
    openKeys();
  } else if (event.key.toLowerCase() === "z" && (event.ctrlKey || event.metaKey) && !event.shiftKey && isCell) {
    // What is typed and not saved is undone by the browser.
    if (target.value !== savedText(target)) return;
    event.preventDefault();
    undo();
  }
}

document.addEventListener("keydown", pressShortcut);
document.addEventListener("input", (event) => {
  if (event.target.matches("#grid .cell input:not([type])") && event.target.value === "=") copyDayBefore(event.target);
});
