// The running timer counts in the page, from its stored start.

function twoDigits(number) {
  return String(number).padStart(2, "0");
}

function tickClock(clock) {
  const seconds = Math.max(0, Math.floor((Date.now() - Date.parse(clock.dateTime)) / 1000));
  const minutes = Math.max(1, Math.ceil(seconds / 60));
  if (clock.dataset.clock === "minutes") {
    clock.textContent = formatDuration(minutes);
    return;
  }
  clock.textContent = `${Math.floor(seconds / 3600)}:${twoDigits(Math.floor(seconds / 60) % 60)}:${twoDigits(seconds % 60)}`;
  const field = document.querySelector("[data-clock-field]");
  // What was typed stays.
  if (field && field.value === field.defaultValue) field.value = field.defaultValue = formatDuration(minutes);
}

setInterval(() => document.querySelectorAll("[data-clock]").forEach(tickClock), 1000);
