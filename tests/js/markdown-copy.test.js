/** The copy button, with and without navigator.clipboard. */
import assert from "node:assert/strict";
import test from "node:test";
import { JSDOM } from "jsdom";
import { installCopy } from "../../static/js/markdown/copy.js";
import { MarkdownView } from "../../static/js/markdown/view.js";

/** A page with a drawn code block; `clipboard` stands for navigator.clipboard. */
function page(clipboard) {
  const { window } = new JSDOM("<main></main>");
  if (clipboard) Object.defineProperty(window.navigator, "clipboard", { value: clipboard });
  const commands = [];
  window.document.execCommand = (command) => {
    commands.push([command, window.getSelection().toString()]);
    return true;
  };
  const main = window.document.querySelector("main");
  installCopy(main);
  new MarkdownView(main).set("words\n\n```py\nx = '<1>'\n```\n");
  return { window, main, button: main.querySelector("button"), commands };
}

/** Resolves at the next change of the button's text. */
function change({ window, button }) {
  return new Promise((resolve) => {
    const observer = new window.MutationObserver(() => {
      observer.disconnect();
      resolve(button.textContent);
    });
    observer.observe(button, { childList: true });
  });
}

test("a click copies the code and says so for two seconds", async (context) => {
  context.mock.timers.enable({ apis: ["setTimeout"] });
  const written = [];
  const shown = page({ writeText: async (text) => void written.push(text) });
  const changed = change(shown);
  shown.button.click();
  assert.equal(await changed, "Copied");
  assert.deepEqual(written, ["x = '<1>'\n"]);
  assert.equal(shown.button.getAttribute("aria-live"), "polite");
  context.mock.timers.tick(1_999);
  assert.equal(shown.button.textContent, "Copied");
  context.mock.timers.tick(1);
  assert.equal(shown.button.textContent, "Copy");
});

test("without a clipboard the code is copied by a selection, and the person's own one comes back", async () => {
  const shown = page(null);
  const selection = shown.window.getSelection();
  selection.selectAllChildren(shown.main.querySelector("p"));
  const changed = change(shown);
  shown.button.click();
  assert.equal(await changed, "Copied");
  assert.deepEqual(shown.commands, [["copy", "x = '<1>'\n"]]);
  assert.equal(selection.toString(), "words");
});

test("a refused clipboard falls back to the selection", async () => {
  const shown = page({ writeText: async () => Promise.reject(new Error("NotAllowedError")) });
  const changed = change(shown);
  shown.button.click();
  assert.equal(await changed, "Copied");
  assert.equal(shown.commands.length, 1);
});

test("what could not be copied is not called copied", async () => {
  const shown = page(null);
  shown.window.document.execCommand = () => false;
  const changed = change(shown);
  shown.button.click();
  assert.equal(await changed, "Not copied");
});
