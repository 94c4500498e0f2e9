/** The copy buttons of code blocks: one listener for all, those too that are drawn later. */

const SHOWN_MS = 2_000;
const timers = new WeakMap();

/** Copies by a selection: for pages on plain http, where navigator.clipboard does not exist. */
function copyBySelection(code) {
  const { ownerDocument: document } = code;
  const selection = document.getSelection();
  const before = selection.rangeCount > 0 ? selection.getRangeAt(0) : null;
  const range = document.createRange();
  range.selectNodeContents(code);
  selection.removeAllRanges();
  selection.addRange(range);
  const copied = document.execCommand("copy");
  selection.removeAllRanges();
  if (before) selection.addRange(before);
  return copied;
}

async function copy(code) {
  const { clipboard } = code.ownerDocument.defaultView.navigator;
  if (!clipboard) return copyBySelection(code);
  try {
    await clipboard.writeText(code.textContent);
    return true;
  } catch {
    return copyBySelection(code); // permission refused: the older way needs none
  }
}

/** Shows the outcome on the button and says it to screen readers; later offers "Copy" again. */
function report(button, copied) {
  button.setAttribute("aria-live", "polite");
  button.textContent = copied ? "Copied" : "Not copied";
  clearTimeout(timers.get(button));
  const timer = setTimeout(() => {
    button.textContent = "Copy";
    button.removeAttribute("aria-live");
  }, SHOWN_MS);
  timers.set(button, timer);
}

/** Makes the copy buttons inside `root` work. Call it once. */
export function installCopy(root) {
  root.addEventListener("click", async (event) => {
    const button = event.target.closest?.(".code-copy");
    const code = button?.closest(".code-block")?.querySelector("pre > code");
    if (code) report(button, await copy(code));
  });
}
