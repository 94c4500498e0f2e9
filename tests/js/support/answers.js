/** Realistic long answers, built from parts like those that models write. */

const INTRO = `Sure! Here's how **incremental rendering** works, and *why* it matters 😀.

The idea fits in one sentence: text that can't change is never parsed again (see [the spec][cm]
or https://spec.commonmark.org/0.31.2/). Everything else is \`tail\`.
`;

const STEPS = `### Steps

1. **Install** the package:
   \`\`\`bash
   npm install --save-exact markdown-it
   echo "done: $?"
   \`\`\`
2. Write a parser:

   \`\`\`python
   class Parser:
       """Reads *lines*."""
       def push(self, text: str) -> list[str]:
           return [line for line in text.split("\\n") if line]  # keep it
   \`\`\`
3. Check these:
   - nested item with \`code\`
   - another, ~~wrong~~ right
     - deeper *still*

> **Note:** a quote
> over two lines, with a list:
> - one
> - two
`;

const TABLE = `| Method | Cost | Long task? |
|:-------|-----:|:----------:|
| whole re-render | O(n²) | yes |
| incremental | O(n) | **no** |
| \`worker\` | O(n) | no, but [late](https://example.org/late) |
`;

const CODE = `Here is the module:

\`\`\`javascript
import { readFile } from "node:fs/promises";

/** Reads a file and counts words. */
export async function count(path, { min = 1 } = {}) {
  const text = await readFile(path, "utf8");
  const words = text.match(/\\p{L}+/gu) ?? [];
  return words.filter((word) => word.length >= min).reduce((map, word) => {
    map.set(word, (map.get(word) ?? 0) + 1);
    return map;
  }, new Map());
}
const page = \`<p>\${await count("x.txt")}</p>\`;
\`\`\`

and the page:

\`\`\`html
<!doctype html>
<style>p { color: #333 }</style>
<script>document.title = "x";</script>
<p class="a">Text &amp; more</p>
\`\`\`
`;

const PROSE = `## Why it is fast

A paragraph of ordinary prose, as most answers have it: some words, a comma, a "quotation", an
*emphasis* and a \`name()\`; then another sentence that refers to [a thing][cm] and goes on for a
while, so that it fills about four lines of the page before it comes to its end.

Setext too
----------

* loose

* list

***
`;

const DEFINITION = `[cm]: https://commonmark.org "CommonMark"\n`;

const EVERYTHING = [INTRO, STEPS, TABLE, CODE, PROSE, DEFINITION].join("\n");

/** An answer of at least `characters` that uses all kinds of blocks. */
export function longAnswer(characters) {
  let text = "";
  for (let part = 1; text.length < characters; part += 1) text += `# Part ${part}\n\n${EVERYTHING}\n`;
  return text;
}

/** A table, list, paragraph or code block alone, of about `characters`. */
export const LONG_BLOCKS = {
  list: (characters) => repeated("- item with **bold** and `code` number %\n", characters),
  paragraph: (characters) => repeated("sentence number % with *emphasis* and `code` in it. ", characters),
  table: (characters) => `| a | b |\n|---|---|\n${repeated("| row % | `x` |\n", characters)}`,
  code: (characters) => `\`\`\`python\n${repeated("value_% = call(%, 'text')  # comment\n", characters)}\`\`\`\n`,
  quote: (characters) => repeated("> quoted words % of *somebody*\n", characters),
};

function repeated(line, characters) {
  let text = "";
  for (let number = 1; text.length < characters; number += 1) text += line.replaceAll("%", number);
  return text;
}

/** `text` in pieces the size of tokens: a word with the blank before it, at most 8 characters. */
export function tokens(text) {
  return text.match(/\s?[^\s]{1,8}|\s/gu) ?? [];
}
