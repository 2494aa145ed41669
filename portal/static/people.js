// Fields for a person suggest those whose names begin like what is typed.

const SUGGEST_MILLISECONDS = 150;

let suggesting = 0;

async function suggestPeople(input) {
  const number = ++suggesting;
  await new Promise((resolve) => setTimeout(resolve, SUGGEST_MILLISECONDS));
  const text = input.value.trim();
  if (number !== suggesting || !text || text.endsWith(")")) return;
  try {
    const response = await fetch(`/people/suggestions?q=${encodeURIComponent(text)}`, { headers: { [SCRIPT_HEADER]: "1" } });
    if (!response.ok || number !== suggesting) return;
    const labels = await response.json();
    input.list?.replaceChildren(...labels.map((label) => new Option("", label)));
  } catch (error) {
    if (!(error instanceof TypeError)) throw error; // unreachable: the name can be typed all the same
  }
}

document.addEventListener("input", (event) => {
  if (event.target.matches("[data-people]")) suggestPeople(event.target);
});
