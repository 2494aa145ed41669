// The running timer counts in the page, from its stored start.

function tickClock() {
  const clock = document.querySelector("[data-clock]");
  if (!clock) return;
  const seconds = Math.max(0, Math.floor((Date.now() - Date.parse(clock.dateTime)) / 1000));
  const minutes = Math.max(1, Math.ceil(seconds / 60));
  clock.textContent = `${Math.floor(seconds / 3600)}:${String(Math.floor(seconds / 60) % 60).padStart(2, "0")}:${String(seconds % 60).padStart(2, "0")}`;
  const field = document.querySelector("[data-clock-field]");
  // What was typed stays.
  if (field && field.value === field.defaultValue) field.value = field.defaultValue = formatDuration(minutes);
}

setInterval(tickClock, 1000);
