/**
 * Our DOM against the HTML that the CommonMark spec gives for its examples.
 *
 * The spec's HTML is brought to our form where we differ on purpose (images are links, refused
 * addresses have none, code stands in our wrapper); examples where we mean something else are
 * listed with the reason. Every other example must give the same tree.
 */
import assert from "node:assert/strict";
import test from "node:test";
import MarkdownIt from "markdown-it";
import spec from "commonmark-spec";
import { document, renderedAtOnce } from "./support/markdown.js";
import { safeAddress } from "../../static/js/markdown/links.js";

const EXCEPTIONS = {
  // Raw HTML is off: model output must not place elements. It shows as the text that it is.
  // (Found by rule below, not listed: every example in which CommonMark sees raw HTML.)
  rawHtml: (example) => seesRawHtml(example.markdown),
  // GitHub's extensions are on, so that these texts, plain in CommonMark, mean something.
  extensions: ({ number }) => BARE_ADDRESSES.has(number),
};

const BARE_ADDRESSES = new Set([
  602, // <https://foo.bar/baz bim> : no autolink because of the blank, but it starts with an address
  608, // < https://foo.bar > : the address in it becomes a link
  611, // https://example.com : plain in CommonMark, a link here
]);

const commonmark = new MarkdownIt("commonmark");

function seesRawHtml(markdown) {
  const types = commonmark.parse(markdown, {}).flatMap((token) => [token, ...(token.children ?? [])]);
  const nested = types.flatMap((token) => [token, ...(token.children ?? [])]);
  return nested.some(({ type }) => type === "html_block" || type === "html_inline");
}

function replace(node, tag, attributes, children) {
  const other = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) if (value) other.setAttribute(name, value);
  other.append(...children);
  node.replaceWith(other);
  return other;
}

/** Links and images of the spec's HTML as we show them. */
function inOurForm(root) {
  for (const image of [...root.querySelectorAll("img")]) {
    const words = image.getAttribute("alt") || image.getAttribute("src");
    const address = safeAddress(image.getAttribute("src"));
    const attributes = { href: address, title: address && image.getAttribute("title") };
    const tag = address && !image.closest("a") ? "a" : "span";
    replace(image, tag, tag === "a" ? attributes : {}, [words]);
  }
  for (const link of [...root.querySelectorAll("a")]) {
    if (safeAddress(link.getAttribute("href")) === null) replace(link, "span", {}, [...link.childNodes]);
  }
  return root;
}

/** Our own wrappers and attributes taken off. */
function unwrapped(root) {
  for (const block of root.querySelectorAll(".code-block")) block.replaceWith(block.querySelector("pre"));
  for (const span of root.querySelectorAll("code span")) span.replaceWith(...span.childNodes);
  for (const node of root.querySelectorAll("*")) {
    for (const name of ["class", "rel", "target"]) node.removeAttribute(name);
  }
  root.normalize();
  return root;
}

/** The tree as text: blanks between blocks don't count, all others do. */
function outline(node, depth = 0) {
  if (node.nodeType === 3) {
    const inBlocks = /^(DIV|BLOCKQUOTE|UL|OL|LI)$/.test(node.parentNode.nodeName);
    const string = inBlocks ? node.data.replace(/^\n|\n$/g, "") : node.data;
    return string === "" ? [] : ["  ".repeat(depth) + JSON.stringify(string)];
  }
  const attributes = [...node.attributes].map(({ name, value }) => ` ${name}=${JSON.stringify(value)}`).sort();
  const children = [...node.childNodes].flatMap((child) => outline(child, depth + 1));
  return ["  ".repeat(depth) + node.localName + attributes.join(""), ...children];
}

function expected(html) {
  const root = document.createElement("div");
  root.innerHTML = html;
  for (const code of root.querySelectorAll("pre > code")) code.removeAttribute("class");
  inOurForm(root).normalize();
  return outline(root).join("\n");
}

async function shown(markdown) {
  return outline(unwrapped(await renderedAtOnce(markdown))).join("\n");
}

const kinds = Object.fromEntries(Object.keys(EXCEPTIONS).map((kind) => [kind, []]));
const compared = [];
for (const example of spec.tests) {
  const plain = { ...example, markdown: example.markdown.replaceAll("→", "\t"), html: example.html.replaceAll("→", "\t") };
  const kind = Object.keys(EXCEPTIONS).find((name) => EXCEPTIONS[name](plain));
  (kind ? kinds[kind] : compared).push(plain);
}

test(`${compared.length} of 652 CommonMark examples give the spec's tree`, async (context) => {
  context.diagnostic(`left out: ${Object.entries(kinds).map(([kind, list]) => `${list.length} ${kind}`).join(", ")}`);
  const wrong = [];
  for (const { number, markdown, html } of compared) {
    const ours = await shown(markdown);
    const theirs = expected(html);
    if (ours !== theirs) wrong.push(`${number} ${JSON.stringify(markdown)}\nours:\n${ours}\nspec:\n${theirs}`);
  }
  assert.deepEqual(wrong, []);
});

test("raw HTML shows as its own text", async () => {
  for (const { number, markdown } of kinds.rawHtml) {
    const root = await renderedAtOnce(markdown);
    for (const tag of ["script", "style", "iframe", "object", "b", "i", "div:not([class])", "bar"]) {
      assert.equal(root.querySelector(tag), null, `example ${number}`);
    }
    // Every "<" of the source that no code or autolink took is there to be read.
    assert.match(root.textContent, /</, `example ${number}`);
  }
});

test("no example is excepted without need", async () => {
  for (const { number, markdown, html } of kinds.extensions) {
    assert.notEqual(await shown(markdown), expected(html), `example ${number}`);
  }
  assert.ok(compared.length >= 575, `${compared.length} examples compared`);
});
