// Wiring.

function prepare(root) {
  for (const input of root.querySelectorAll("#grid .cell input:not([type])")) savedTexts.set(input, input.defaultValue);
  // Tab leads from cell to cell; F2 opens the details.
  for (const link of root.querySelectorAll("#grid input:not([type]) ~ .cell-note")) link.tabIndex = -1;
  for (const box of root.querySelectorAll("[data-select-all]")) {
    box.closest("label").hidden = false;
    showWhetherAllAreSelected(box.form);
  }
  restoreUnsaved();
}

function boxesOf(form) {
  return [...form.querySelectorAll('tbody input[type="checkbox"]')];
}

function selectAll(box) {
  for (const one of boxesOf(box.form)) one.checked = box.checked;
}

function showWhetherAllAreSelected(form) {
  const box = form.querySelector("[data-select-all]");
  if (!box) return;
  const boxes = boxesOf(form);
  box.checked = boxes.every((one) => one.checked);
  box.indeterminate = !box.checked && boxes.some((one) => one.checked);
}

document.documentElement.classList.add("scripted");
document.addEventListener("click", followLink);
document.addEventListener("submit", submitForm);
document.addEventListener("keydown", pressKey);
document.addEventListener("paste", paste);
document.addEventListener("change", (event) => {
  const changed = event.target;
  if (changed.matches("[data-select-all]")) selectAll(changed);
  else if (changed.matches('tbody input[type="checkbox"]')) showWhetherAllAreSelected(changed.form);
  else if (changed.matches("[data-submit-on-change]") && changed.value) changed.form.requestSubmit();
});
document.addEventListener("focusin", (event) => {
  if (event.target.matches("#grid .cell input:not([type])")) event.target.select();
});
document.addEventListener("focusout", (event) => {
  if (event.target.matches("#grid .cell input:not([type])") && typedInto.has(event.target)) commit(event.target);
});
document.addEventListener("input", (event) => {
  if (event.target.matches("#grid .cell input:not([type])")) typedInto.add(event.target);
});
window.addEventListener("popstate", () => visit(location.href, {}, { push: false }));
window.addEventListener("beforeunload", (event) => {
  if (isLeaving) return;
  savedAll();
  if (waiting.size || hasRefused()) event.preventDefault();
});
// Back from a sign-in that was not finished.
window.addEventListener("pageshow", (event) => {
  if (!event.persisted) return;
  isLeaving = false;
  restoreUnsaved();
});
prepare(document);
