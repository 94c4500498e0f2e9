/** Light, dark or the system's choice; remembered in this browser. theme-boot.js sets it before paint. */
const KEY = "chatsite.theme";
const CHOICES = new Set(["light", "dark"]);

export function storedTheme(storage) {
  try {
    const value = storage.getItem(KEY);
    return CHOICES.has(value) ? value : "system";
  } catch {
    return "system"; // Storage may be forbidden; the system's choice always works.
  }
}

export function applyTheme(choice, storage) {
  const { dataset } = document.documentElement;
  if (CHOICES.has(choice)) dataset.theme = choice;
  else delete dataset.theme;
  try {
    if (CHOICES.has(choice)) storage.setItem(KEY, choice);
    else storage.removeItem(KEY);
  } catch (error) {
    console.warn("chatsite: the theme is not remembered", error);
  }
}

/** Wire the radio buttons named "theme" of a page. */
export function installTheme(root, storage) {
  const radios = [...root.querySelectorAll("input[name=theme]")];
  const chosen = storedTheme(storage);
  for (const radio of radios) {
    radio.checked = radio.value === chosen;
    radio.addEventListener("change", () => applyTheme(radio.value, storage));
  }
}
