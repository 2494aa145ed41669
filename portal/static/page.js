// Progressive enhancement: every page works without these scripts; with them nothing reloads.
// The parts are served as one module, in the order of portal/assets.py.

const SCRIPT_HEADER = "X-Portal-Script";

function announce(text) {
  const announcer = document.getElementById("announcer");
  announcer.textContent = "";
  requestAnimationFrame(() => { announcer.textContent = text; });
}

function isOurs(url) {
  return url.origin === location.origin && !url.pathname.startsWith("/auth/") && !url.pathname.startsWith("/static/");
}

// The page at an address, after redirects. Null when the browser leaves for the sign-in.
async function fetchPage(url, options = {}) {
  const response = await fetch(url, {
    ...options,
    credentials: "same-origin",
    headers: { ...options.headers, Accept: "text/html", [SCRIPT_HEADER]: "1" },
  });
  if (response.headers.get("Content-Type")?.startsWith("application/json")) {
    const { location: target } = await response.json();
    if (target) location.assign(target);
    return null;
  }
  const page = new DOMParser().parseFromString(await response.text(), "text/html");
  return { page, url: response.url, ok: response.ok, redirected: response.redirected };
}

function postOptions(form, submitter) {
  return { method: "POST", body: new URLSearchParams(new FormData(form, submitter)) };
}

function swap(page, { keepFocus = false } = {}) {
  const focused = keepFocus ? document.activeElement?.id : "";
  const before = document.getElementById("main");
  const after = page.getElementById("main");
  if (!after) return;
  before.className = after.className;
  before.replaceChildren(...after.childNodes);
  for (const id of ["nav", "running"]) {
    const part = page.getElementById(id);
    if (part) document.getElementById(id)?.replaceChildren(...part.childNodes);
  }
  document.title = page.title;
  if (page.body.dataset.csrf) document.body.dataset.csrf = page.body.dataset.csrf;
  prepare(before);
  focusAfterSwap(before, focused);
}

function focusAfterSwap(main, focused) {
  const wrong = main.querySelector('[aria-invalid="true"]');
  if (wrong) wrong.focus();
  else if (focused && document.getElementById(focused)) document.getElementById(focused).focus();
  else main.focus({ preventScroll: true });
  const said = main.querySelector('[role="alert"], #notice');
  announce(said ? said.textContent.trim() : document.title);
  said?.scrollIntoView({ block: "nearest" });
}

function showUnreachable() {
  showBanner("unreachable", document.body.dataset.unreachable);
}

function showBanner(id, message) {
  document.getElementById(id)?.remove();
  const banner = document.createElement("div");
  banner.id = id;
  banner.className = "banner banner-error";
  banner.setAttribute("role", "alert");
  const text = document.createElement("p");
  text.textContent = message;
  banner.append(text);
  document.getElementById("main").prepend(banner);
  banner.scrollIntoView({ block: "nearest" });
}

let visits = 0;
let shownUrl = location.href;

// Asks whether to give up cells that were refused: the server does not have their text.
function isLeavingRefused() {
  return hasRefused() && !confirm(document.body.dataset.discard);
}

async function visit(url, options = {}, { push = true, keepFocus = false } = {}) {
  const number = ++visits;
  const progress = document.createElement("div");
  progress.className = "progressing";
  document.body.append(progress);
  try {
    await savedAll();
    if (isLeavingRefused()) {
      if (location.href !== shownUrl) history.pushState(null, "", shownUrl);
      return;
    }
    const result = await fetchPage(url, options);
    if (!result || number !== visits) return;
    const isPost = options.method === "POST";
    if (push && (!isPost || result.redirected)) {
      if (result.url === location.href) history.replaceState(null, "", result.url);
      else history.pushState(null, "", result.url);
    }
    shownUrl = location.href;
    swap(result.page, { keepFocus });
    if (!keepFocus) scrollTo(0, 0);
    document.getElementById("menu")?.removeAttribute("open");
  } catch (error) {
    if (error instanceof TypeError) showUnreachable();
    else throw error;
  } finally {
    progress.remove();
  }
}

function followLink(event) {
  const link = event.target.closest("a[href]");
  if (!link || event.defaultPrevented || event.button || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
  const url = new URL(link.href);
  if (link.target || link.hasAttribute("download") || !isOurs(url)) return;
  if (url.pathname === location.pathname && url.search === location.search && url.hash) return;
  event.preventDefault();
  if (link.hasAttribute("data-close") && link.closest("dialog")) link.closest("dialog").close();
  else if (link.hasAttribute("data-dialog")) openDialog(link);
  else visit(url.href);
}

function submitForm(event) {
  const form = event.target;
  if (event.defaultPrevented) return;
  const submitter = event.submitter;
  const url = new URL(submitter?.getAttribute("formaction") ?? form.getAttribute("action") ?? location.href, location.href);
  if (!isOurs(url) || form.hasAttribute("data-native")) return;
  event.preventDefault();
  if (form.method === "get") {
    const fields = [...new FormData(form, submitter)].filter(([, value]) => value !== "");
    url.search = new URLSearchParams(fields).toString();
    visit(url.href, {}, { keepFocus: true });
  } else if (form.closest("dialog")) {
    submitInDialog(form, url, submitter);
  } else {
    visit(url.href, postOptions(form, submitter), { keepFocus: true });
  }
}
