// Links with data-dialog open their page in a dialog; its forms are sent from there.

const REFERENCES = ["for", "aria-describedby", "aria-labelledby", "list", "form"];

function fillDialog(dialog, page) {
  const content = [...page.getElementById("main").childNodes];
  dialog.replaceChildren(...content);
  // The page below may have the same ids.
  for (const element of dialog.querySelectorAll("[id]")) element.id = `dialog-${element.id}`;
  for (const name of REFERENCES) {
    for (const element of dialog.querySelectorAll(`[${name}]`)) {
      const ids = element.getAttribute(name).split(" ").map((id) => `dialog-${id}`);
      element.setAttribute(name, ids.join(" "));
    }
  }
  const heading = dialog.querySelector("h1");
  if (heading) {
    heading.id = "dialog-heading";
    dialog.setAttribute("aria-labelledby", heading.id);
  }
  prepare(dialog);
  dialog.querySelector('[aria-invalid="true"], [autofocus], input:not([type="hidden"]), textarea, button, a[data-close]')?.focus();
}

let isOpening = false;

async function openDialog(link, returnTo = link) {
  if (isOpening) return;
  isOpening = true;
  try {
    if (link.hasAttribute("data-after-saving")) await savedAll();
    const wrong = link.hasAttribute("data-saved-only") && document.querySelector('#grid [aria-invalid="true"]');
    if (wrong) { wrong.focus(); return; }
    const result = await fetchPage(link.href);
    if (!result) return;
    if (!result.ok) { swap(result.page); return; }
    const dialog = document.createElement("dialog");
    document.body.append(dialog);
    dialog.addEventListener("cancel", (event) => {
      if (isTypedInto(dialog) && !confirm(document.body.dataset.discard)) event.preventDefault();
    });
    dialog.addEventListener("close", () => { dialog.remove(); if (returnTo.isConnected) returnTo.focus(); });
    dialog.showModal();
    fillDialog(dialog, result.page);
  } catch (error) {
    if (error instanceof TypeError) showUnreachable();
    else throw error;
  } finally {
    isOpening = false;
  }
}

function isTypedInto(dialog) {
  const fields = dialog.querySelectorAll("input:not([type='hidden']), textarea");
  return [...fields].some((one) => one.value !== one.defaultValue || one.checked !== one.defaultChecked);
}

async function submitInDialog(form, url, submitter) {
  const dialog = form.closest("dialog");
  try {
    const result = await fetchPage(url.href, postOptions(form, submitter));
    if (!result) return;
    if (!result.ok) { fillDialog(dialog, result.page); return; }
    dialog.close();
    if (new URL(result.url).pathname === new URL(location.href).pathname) swap(result.page, { keepFocus: true });
    else { await visit(location.href, {}, { push: false, keepFocus: true }); showNotice(result.page); }
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    const said = document.createElement("p");
    said.className = "banner banner-error";
    said.setAttribute("role", "alert");
    said.textContent = document.body.dataset.unreachable;
    dialog.querySelector("h1")?.after(said);
  }
}

function showNotice(page) {
  const notice = page.getElementById("notice");
  if (!notice) return;
  document.getElementById("notice")?.remove();
  document.getElementById("main").prepend(notice);
  announce(notice.textContent.trim());
}
