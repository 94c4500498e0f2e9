/** Helpers of the Markdown tests: one jsdom document, views fed in pieces, a repeatable dice. */
import { JSDOM } from "jsdom";
import { MarkdownView } from "../../../static/js/markdown/view.js";

export const { document } = new JSDOM("<!doctype html><body></body>").window;

/** The element that a view has drawn from these deltas, finished. */
export async function rendered(deltas) {
  const root = document.createElement("div");
  const view = new MarkdownView(root);
  for (const delta of deltas) view.append(delta);
  await view.finish();
  return root;
}

/** The element drawn from the whole text at once. */
export async function renderedAtOnce(text) {
  const root = document.createElement("div");
  const view = new MarkdownView(root);
  view.set(text);
  await view.finish();
  return root;
}

/** Null when the deltas give the DOM of the whole text, else what is wrong, ready to be read. */
export async function difference(deltas, whole) {
  const root = await rendered(deltas);
  if (root.isEqualNode(whole)) return null;
  return `${JSON.stringify(deltas)}\n  in deltas: ${root.innerHTML}\n  at once:   ${whole.innerHTML}`;
}

/** The differences of every way to cut `text` in two, and of single characters. */
export async function splitDifferences(text) {
  const whole = await renderedAtOnce(text);
  const found = [await difference([...text].flatMap((char) => char.split("")), whole)];
  for (let at = 1; at < text.length; at += 1) {
    found.push(await difference([text.slice(0, at), text.slice(at)], whole));
  }
  return found.filter((problem) => problem !== null);
}

/** Numbers in [0, 1) that are the same for the same seed (mulberry32). */
export function dice(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}

/** `text` cut at random into pieces of 1 to `longest` UTF-16 units. */
export function randomPieces(text, random, longest) {
  const pieces = [];
  for (let at = 0; at < text.length; ) {
    const size = 1 + Math.floor(random() * longest);
    pieces.push(text.slice(at, at + size));
    at += size;
  }
  return pieces;
}
