/** The property: the DOM after the last delta is the DOM of the whole text, however it was cut. */
import assert from "node:assert/strict";
import test from "node:test";
import spec from "commonmark-spec";
import { splitDifferences } from "./support/markdown.js";

// The spec writes tabs as arrows.
const examples = spec.tests.map(({ markdown, number, section }) => ({
  number,
  section,
  text: markdown.replaceAll("→", "\t"),
}));

const sections = [...new Set(examples.map(({ section }) => section))];

test("the spec package has the examples we count on", () => {
  assert.equal(examples.length, 652);
});

for (const section of sections) {
  test(`CommonMark "${section}" draws the same at every split`, async () => {
    for (const { number, text } of examples.filter((example) => example.section === section)) {
      assert.deepEqual(await splitDifferences(text), [], `example ${number}`);
    }
  });
}

const EXTENSIONS = {
  "a table": "| a | b |\n|---|---|\n| 1 | 2 |\n| 3 |\n",
  "a table with alignment and inline markup": "a | *b* | c\n:-- | :-: | --:\n`x\\|y` | ~~z~~ | <http://e.org>\n\nafter\n",
  "a table that a paragraph runs into": "words\n| a | b |\n|---|---|\n| 1 | 2 |\nmore | words\n> quote\n",
  "a table whose second line is broken": "| a | b |\n|---|--x|\n| 1 | 2 |\n",
  "a table that only seemed to break off a paragraph": "words\n| a |\n|-x\n",
  "a table without rows, then a heading": "| a |\n|---|\n# b\n",
  "a table head that looks like a heading": "# a | b\n---|---\n1 | 2\n",
  "a table head that looks like a fence": "``` a | b\n---|---\n1 | 2\n",
  "a table head that looks like a list item": "words\n- a | b\n---|---\n1 | 2\n",
  "a table in a list": "- | a | b |\n  |---|---|\n  | 1 | 2 |\n- c\n",
  "struck text": "a ~~b *c* d~~ e ~~f\n\n~~g~~~ h~~\n",
  "bare addresses": "see https://example.org/a_(b)?c=*d*, or (http://x.y). HTTPS://UP.org mailto:a@b.org\n",
  "names that are no addresses": "README.md node.js www.example.org me@example.org //x.y ftp://x.y\n",
  "a reference used before its definition": "[one] and [two][one]\n\n> [ONE]\n\nwords\n\n[one]: https://e.org 'title'\n\nend\n",
  "a definition that stops being one": "[one]\n\nwords\n\n[one]: https://e.org\nx\n\n[one]: https://f.org broken\n",
  "the first of two definitions wins": "[a]\n\n[a]: https://one.org\n\n[a]\n\n[a]: https://two.org\n",
  "a title that closes lines later": "[a]: https://e.org\n'title\n# no\n\n[b]: https://e.org\n'title\nmore'\n\n[a] [b]\n",
  "a title that closes under a setext underline": "[a]: https://e.org\n'title\n===\nmore'\n\n[a]\n",
  "a title that leaves a quote": "> [a]: https://e.org\n'title\nmore'\n\n[a]\n",
  "a title that leaves a list": "- [a]: https://e.org\n'title\nmore'\n\n[a]\n",
  "an open fence": "words:\n```py\nx = 1\n\n``\n ```x\ny = 2\n",
  "a fence in a list": "1. a\n   ```js\n   let x = `1`;\n   ```\n2. b\n\n   c\n3. d\n",
  "an indented fence": "  ~~~sh\n  a\n b\n   c\n  ~~~~\nend\n",
  "a list that turns loose at its end": "- a\n- b\n  - c\n  - d\n\n- e\n",
  "line ends of all kinds": "a\r\nb\rc\n\r\n\r- d\r\n\r\n- e\0f\r\n",
  "characters beyond the basic plane": "😀 **𝒳** `👩‍👩‍👧`\n\n- 🏳️‍🌈\n",
};

for (const [name, text] of Object.entries(EXTENSIONS)) {
  test(`${name} draws the same at every split`, async () => {
    assert.deepEqual(await splitDifferences(text), []);
  });
}
