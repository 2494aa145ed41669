// Cells that could not be sent because the sign-in had ended: kept in this tab until the page is
// there again. They are for the person that typed them only.

const UNSAVED = "unsaved-cells";

let isLeaving = false;
// Since the last cell that was saved: a page that is refused again is not loaded again.
let wasRestored = false;

function leaveAndComeBack(leave) {
  if (isLeaving) return;
  isLeaving = true;
  const { owner, week } = document.getElementById("grid").dataset;
  const cells = [...waiting].map((input) => ({ place: placeKey(input), text: input.value, reference: input.dataset.reference }));
  sessionStorage.setItem(UNSAVED, JSON.stringify({ owner, week, cells }));
  // They are safe: no question whether to leave the page.
  waiting.clear();
  leave();
}

function restoreUnsaved() {
  if (isLeaving) return;
  const grid = document.getElementById("grid");
  const kept = JSON.parse(sessionStorage.getItem(UNSAVED) ?? "null");
  if (!grid || !kept || kept.week !== grid.dataset.week) return;
  sessionStorage.removeItem(UNSAVED);
  if (kept.owner !== grid.dataset.owner) return;
  for (const { place, text, reference } of kept.cells) {
    const input = inputOf(place);
    if (!input) continue;
    wasRestored = true;
    input.value = text;
    input.dataset.reference = reference;
    commit(input);
  }
}
