/** Random documents of lines that reach back or break off, cut at random: the DOM must not tell. */
import assert from "node:assert/strict";
import test from "node:test";
import { dice, difference, randomPieces, renderedAtOnce } from "./support/markdown.js";

const SEED = Number(process.env.MARKDOWN_SEED ?? Math.floor(Math.random() * 1e9));
const DOCUMENTS = Number(process.env.MARKDOWN_DOCUMENTS ?? 3000);

const INDENTS = ["", "", "", "", "", " ", "  ", "   ", "    ", "\t", "      "];
const MARKERS = ["", "", "", "", "- ", "-", "* ", "1. ", "2) ", "10. ", "> ", ">", "> > ", "- - ", "> - ", "1. - "];
const CONTENTS = [
  "", "", "", "a", "b c", "a | b", "| a |", "|---|", "---|---", "|-x", "---", "===", "***", "- - -", "# h", "#", "## h #",
  "# a | b", "```", "```py", "``` x | y", "````", "~~~", "~~~ a`b", "`", "[x]: https://e.org", "[x]: <https://f.org> 'one",
  "[x]:", "[y]: /u \"t", "two'", "\"", "'t'", "(t)", "[x]", "[y][x]", "[x", "y]: https://g.org", "![x]", "*a", "b*",
  "**a**", "~~s~~", "`c", "c`", "\\", "a  ", "<b>", "<!--", "-->", "https://h.org/x", "x=1", "def f():",
];

function pick(list, random) {
  return list[Math.floor(random() * list.length)];
}

function randomDocument(random) {
  const lines = [];
  const count = 2 + Math.floor(random() * 10);
  for (let index = 0; index < count; index += 1) {
    lines.push(pick(INDENTS, random) + pick(MARKERS, random) + pick(CONTENTS, random));
  }
  return lines.join(random() < 0.9 ? "\n" : "\r\n") + (random() < 0.5 ? "\n" : "");
}

test(`${DOCUMENTS} random documents draw the same in pieces (MARKDOWN_SEED=${SEED})`, async (context) => {
  context.diagnostic(`MARKDOWN_SEED=${SEED}`);
  const random = dice(SEED);
  for (let index = 0; index < DOCUMENTS; index += 1) {
    const text = randomDocument(random);
    const whole = await renderedAtOnce(text);
    for (const longest of [1, 4, 20]) {
      assert.equal(await difference(randomPieces(text, random, longest), whole), null);
    }
  }
});
