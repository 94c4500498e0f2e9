/** Long answers as models write them: the same DOM in every kind of pieces, and what survives meanwhile. */
import assert from "node:assert/strict";
import test from "node:test";
import { longAnswer, LONG_BLOCKS, tokens } from "./support/answers.js";
import { dice, difference, document, randomPieces, renderedAtOnce } from "./support/markdown.js";
import { MarkdownView } from "../../static/js/markdown/view.js";

const SEED = Number(process.env.MARKDOWN_SEED ?? Math.floor(Math.random() * 1e9));

function newView() {
  const root = document.createElement("div");
  document.body.append(root);
  return { root, view: new MarkdownView(root) };
}

for (const characters of [2_000, 12_000]) {
  const text = longAnswer(characters);
  test(`an answer of ${text.length} characters draws the same in pieces (MARKDOWN_SEED=${SEED})`, async (context) => {
    context.diagnostic(`MARKDOWN_SEED=${SEED}`);
    const random = dice(SEED);
    const whole = await renderedAtOnce(text);
    assert.equal(await difference(tokens(text), whole), null);
    assert.equal(await difference(text.split(""), whole), null);
    for (const longest of [10, 100, 1000]) {
      assert.equal(await difference(randomPieces(text, random, longest), whole), null);
    }
  });
}

for (const [name, block] of Object.entries(LONG_BLOCKS)) {
  // 70,000 is past the sizes at which a long tail is drawn less often and code stays plain.
  for (const characters of [5_000, 70_000]) {
    test(`one ${name} of ${characters} characters draws the same in pieces`, async () => {
      const text = block(characters);
      const whole = await renderedAtOnce(text);
      assert.equal(await difference(randomPieces(text, dice(1), 300), whole), null);
      assert.equal(await difference([text.slice(0, 20_000), text.slice(20_000, 61_000), text.slice(61_000)], whole), null);
    });
  }
}

test("a long code block whose closing fence comes in pieces draws the same", async () => {
  const text = `${LONG_BLOCKS.code(70_000).slice(0, -4)}\`\`\`\nend\n`;
  const whole = await renderedAtOnce(text);
  for (const end of [["`", "``", "\n", "end\n"], ["``", "`", "\ne", "nd\n"], ["```", "\n", "end", "\n"], ["```\n", "end\n"]]) {
    const head = text.slice(0, -end.join("").length);
    assert.equal(await difference([...randomPieces(head, dice(2), 500), ...end], whole), null);
  }
});

test("tokens join to the text they came from", () => {
  const text = longAnswer(2_000);
  assert.equal(tokens(text).join(""), text);
});

test("the view tells the whole text as it came", async () => {
  const { view } = newView();
  view.append("a\r");
  view.append("\nb\0");
  assert.equal(view.text, "a\r\nb\0");
  view.set("c");
  assert.equal(view.text, "c");
});

test("setting a text leaves nothing of the one before", async () => {
  const { root, view } = newView();
  view.append("[x]\n\n[x]: https://e.org\n\n```js\nlet a\r");
  view.set("\n[x] y");
  await view.finish();
  assert.ok(root.isEqualNode(await renderedAtOnce("\n[x] y")));
});

test("more text after the end is drawn too", async () => {
  const { root, view } = newView();
  view.append("```py\nx = 1");
  await view.finish();
  view.append("\ny = 'a'\n```\nend");
  await view.finish();
  assert.ok(root.isEqualNode(await renderedAtOnce("```py\nx = 1\ny = 'a'\n```\nend")));
});

test("finished blocks keep their nodes while the answer goes on", () => {
  const { root, view } = newView();
  const kept = new Map();
  for (const piece of tokens(longAnswer(6_000))) {
    view.append(piece);
    // All but the last two blocks: the last may still change, and the one before it until then.
    const settled = [...root.children].slice(0, -2);
    settled.forEach((node, index) => {
      if (!kept.has(index)) kept.set(index, node);
      assert.equal(node, kept.get(index), `block ${index} was built again`);
    });
  }
  assert.ok(kept.size > 20);
});

test("a selection in a growing paragraph survives", () => {
  const { root, view } = newView();
  view.append("some growing words");
  const selection = document.getSelection();
  selection.setBaseAndExtent(root.firstChild.firstChild, 5, root.firstChild.firstChild, 12);
  for (const piece of [" and", " more", "\nwords"]) view.append(piece);
  assert.equal(selection.toString(), "growing");
});

test("a selection in a growing code block survives, coloured or not", async () => {
  const { root, view } = newView();
  view.append("```py\n# first words\nx = 1\n");
  await view.finish(); // the colours have come
  const comment = root.querySelector(".hljs-comment").firstChild;
  const selection = document.getSelection();
  selection.setBaseAndExtent(comment, 2, comment, 7);
  for (const piece of ["y", " = ", "2\n", "z = 'three'\n", "``", "`", "\n\nend"]) view.append(piece);
  assert.equal(selection.toString(), "first");
  assert.equal(root.querySelectorAll(".hljs-number").length, 2);
});

test("a definition that comes late links what was drawn before", async () => {
  const { root, view } = newView();
  view.append("see [one] and *[two]*\n\nother words\n\n");
  const other = root.children[1];
  view.append("[one]: https://one.org\n");
  view.append("[two]: https://two.org\n");
  assert.deepEqual([...root.querySelectorAll("a")].map((link) => link.href), ["https://one.org/", "https://two.org/"]);
  assert.equal(root.children[1], other);
});
