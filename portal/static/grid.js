// The week grid: moved about in and pasted into like a spreadsheet.

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
    // Enter sends a refused text again, though it has not changed.
    if (!move(input, ...direction) || event.key === "Enter") commit(input);
  } else if (event.key === "Escape") {
    input.value = savedText(input);
    commit(input);
    input.select();
  } else if (event.key === "F2") {
    event.preventDefault();
    openDetails(input);
  }
}

// A cell that was just typed into has details once it is saved.
async function openDetails(input) {
  await savedAll();
  input.closest("td").querySelector(".cell-note")?.click();
}

function paste(event) {
  const input = event.target;
  if (!input.matches?.("#grid .cell input:not([type])")) return;
  const lines = event.clipboardData.getData("text/plain").replace(/\r?\n$/, "").split(/\r?\n/).map((line) => line.split("\t"));
  if (lines.length === 1 && lines[0].length === 1) return;
  event.preventDefault();
  const { rows, row, column } = placeOf(input);
  let lost = 0;
  asOneUndo(() => lines.forEach((line, down) => line.forEach((text, right) => {
    const target = inputAt(rows, row + down, column + right);
    if (target) { target.value = text.trim(); commit(target); }
    else if (text.trim()) lost += 1;
  })));
  if (lost) showBanner("pasted", document.getElementById("grid").dataset.pasted);
}
