/** Code blocks: what they are made of, their colours, and that both do not hang on the moment. */
import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import test from "node:test";
import hljs from "@highlightjs/cdn-assets/es/highlight.min.js";
import { difference, document, rendered, renderedAtOnce } from "./support/markdown.js";
import { highlighter, isReady, languageName, load } from "../../static/js/markdown/languages.js";
import { MarkdownView } from "../../static/js/markdown/view.js";

const PYTHON = '@cached\ndef area(r: float) -> str:\n    """Doc."""\n    return f"{3.14 * r ** 2}"  # π\n';

test("a colour that arrives late comes to the blocks that wait for it", async () => {
  assert.equal(isReady("haskell"), false); // so this test stands before those that load it
  const root = document.createElement("div");
  const view = new MarkdownView(root);
  view.set("```haskell\nmain = print 1\n```\n\n```haskell\nlet x = 2\n```\n");
  assert.equal(root.querySelector(".hljs-number"), null);
  await view.finish();
  assert.equal(root.querySelectorAll(".hljs-number").length, 2);
});

test("a code block has a head with language and button, and the code", async () => {
  const root = await renderedAtOnce("```py title=x\nx\n```");
  assert.equal(
    root.innerHTML,
    '<div class="code-block"><div class="code-head"><span class="code-lang">py</span>' +
      '<button type="button" class="code-copy">Copy</button></div>' +
      '<pre><code class="hljs language-python">x\n</code></pre></div>',
  );
});

test("colours are those of highlight.js's own HTML", async () => {
  const cases = {
    python: PYTHON,
    javascript: 'class A extends B { static #x = `a ${1 + "b"}`; }\nconst e = <p className="x">{y}</p>;\n',
    css: "@media print { a:hover > b { color: #fff !important; } }\n",
    json: '{"a": [1, true, null, "x\\n"]}\n',
    sql: "SELECT count(*) FROM t WHERE a = 'x' -- why\n",
    bash: 'for f in *.txt; do echo "$f" | wc -l; done # all\n',
    xml: '<!doctype html><script>let a = 1;</script><style>b { top: 0 }</style><i a="b">&amp;</i>\n',
    yaml: "a: &x\n  - 1\n  - 'two'\n",
    rust: "fn main() -> Result<(), E> { println!(\"{}\", 1_u8); }\n",
  };
  for (const [language, code] of Object.entries(cases)) {
    const root = await renderedAtOnce(`\`\`\`${language}\n${code}\`\`\``);
    const holder = document.createElement("code");
    holder.innerHTML = hljs.highlight(code, { language }).value;
    assert.equal(root.querySelector("code").innerHTML, holder.innerHTML, language);
    assert.ok(root.querySelector("code span"), language);
  }
});

test("every language of the list loads, and so do those it calls in", async () => {
  const folder = new URL("./", import.meta.resolve("@highlightjs/cdn-assets/es/languages/python.min.js"));
  const files = readdirSync(folder);
  const names = files.map((file) => file.replace(".min.js", "").replace(".js", ""));
  const ours = [...new Set(names)].filter((name) => languageName(name) === name);
  assert.ok(ours.length >= 35, `${ours.length} languages`);
  for (const name of ours) {
    await load(name);
    assert.ok(isReady(name), name);
    assert.ok(highlighter.getLanguage(name), name);
  }
});

test("names after a fence are read as people write them", () => {
  const expected = { py: "python", JS: "javascript", "C++": "cpp", "c#": "csharp", html: "xml", yml: "yaml", toml: "ini" };
  for (const [word, name] of Object.entries(expected)) assert.equal(languageName(word), name);
  for (const word of ["", "nolang", "__proto__", "constructor", "../core", "python.min.js"]) assert.equal(languageName(word), null);
});

test("code in an unknown language, and indented code, is plain", async () => {
  for (const text of ["```nolang\nlet x = 1\n```", "    let x = 1\n"]) {
    const code = (await renderedAtOnce(text)).querySelector("code");
    assert.equal(code.className, "hljs");
    assert.equal(code.innerHTML, "let x = 1\n");
  }
});

test("code draws the same at every split", async () => {
  const text = `- a\n  \`\`\`py\n${PYTHON.replace(/^/gm, "  ")}\`\`\`\n\n\`\`\`python\n${PYTHON}\`\`\`\n~~~sql\nselect 'open`;
  const whole = await renderedAtOnce(text);
  assert.equal(await difference(text.split(""), whole), null);
  for (let at = 1; at < text.length; at += 1) {
    assert.equal(await difference([text.slice(0, at), text.slice(at)], whole), null);
  }
});

test("complete lines are coloured while the block is still open", async () => {
  await load("python");
  const root = document.createElement("div");
  const view = new MarkdownView(root);
  for (const char of "```python\ndef f():\n    ret") view.append(char);
  assert.equal(root.querySelector(".hljs-keyword")?.textContent, "def");
  assert.equal(root.querySelector("code").textContent, "def f():\n    ret");
});

test("code of more than 60,000 characters stays plain, however it came", async () => {
  const line = "x = 'y'\n";
  const text = `\`\`\`python\n${line.repeat(8_000)}\`\`\`\n`;
  for (const deltas of [[text], [text.slice(0, 5_000), text.slice(5_000)]]) {
    const code = (await rendered(deltas)).querySelector("code");
    assert.equal(code.querySelector("span:not(.code-part)"), null);
    assert.equal(code.textContent, line.repeat(8_000));
    // In parts of whole lines, none so long that adding to it would be slow.
    for (const { textContent } of code.childNodes) {
      assert.ok(textContent.length < 5_000 && textContent.endsWith("\n"));
    }
  }
});
