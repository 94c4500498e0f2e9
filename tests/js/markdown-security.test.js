/** Hostile text: only known elements and attributes come out, and no address of another scheme. */
import assert from "node:assert/strict";
import test from "node:test";
import spec from "commonmark-spec";
import { dice, document, randomPieces, rendered, renderedAtOnce } from "./support/markdown.js";
import { safeAddress } from "../../static/js/markdown/links.js";

const ATTRIBUTES = {
  a: ["href", "title", "rel", "target", "class"],
  span: ["class"], div: ["class"], code: ["class"], pre: [], button: ["type", "class"],
  ol: ["start"], th: ["class"], td: ["class"],
  p: [], em: [], strong: [], del: [], br: [], hr: [], blockquote: [], ul: [], li: [],
  h1: [], h2: [], h3: [], h4: [], h5: [], h6: [],
  table: [], thead: [], tbody: [], tr: [],
};

/** What breaks the rules in this tree. */
function violations(root) {
  const found = [];
  for (const node of root.querySelectorAll("*")) {
    const allowed = ATTRIBUTES[node.localName];
    if (!allowed) found.push(`element ${node.localName}`);
    for (const { name, value } of node.attributes) {
      if (!allowed?.includes(name)) found.push(`${node.localName} ${name}=${value}`);
      if (name === "class" && !/^[\w -]*$/.test(value)) found.push(`class ${value}`);
      if (name === "start" && !/^\d+$/.test(value)) found.push(`start ${value}`);
    }
    if (node.localName === "a") {
      // The parser of a browser has the last word on what an address means, not our pattern.
      const { protocol } = new URL(node.href);
      if (!["http:", "https:", "mailto:"].includes(protocol)) found.push(`href ${node.href}`);
      if (node.getAttribute("rel") !== "noopener noreferrer nofollow") found.push("no rel");
      if (node.getAttribute("target") !== "_blank") found.push("no target");
    }
  }
  return found;
}

const ADDRESSES = [
  "javascript:alert(1)", "JavaScript:alert(1)", "  javascript:alert(1)", "java&Tab;script:alert(1)",
  "java&NewLine;script:alert(1)", "java&#10;script:alert(1)", "&#106;avascript:alert(1)", "&#x6A;avascript:alert(1)",
  "javascript&colon;alert(1)", "\u0001javascript:alert(1)", "&#1;javascript:alert(1)", "java\\script:alert(1)",
  "java%0ascript:alert(1)", "javascript%3Aalert(1)", "jav\u00adascript:alert(1)", "vbscript:msgbox(1)",
  "data:text/html,<script>alert(1)</script>", "data:text/html;base64,PHNjcmlwdD4=", "DATA:image/svg+xml,<svg>",
  "data:image/png;base64,AAAA", "blob:https://e.org/1", "filesystem:https://e.org/1", "file:///etc/passwd",
  "ftp://e.org", "ws://e.org", "view-source:https://e.org", "intent://e.org", "tel:+123", "sms:1", "chrome://settings",
  "about:blank", "//evil.example", "/\\evil.example", "\\\\evil.example", "/accounts/logout/", "?next=x", "#top", "",
  "https:evil.example", "https:/evil.example", "https:///evil.example", "https://\\evil.example", "http:\\\\evil.example",
  "https://user@evil.example", "https://bank.example@evil.example", "https://u:p@evil.example", "https://[bad", "http://",
  "https://e.org\" onclick=\"alert(1)", "urn:x", "x:javascript:alert(1)", "feed:javascript:alert(1)",
  "mailto:", "httpsx://e.org", "ⅉavascript:alert(1)", "javascript\u200b:alert(1)",
];

const FORMS = [
  (address) => `[x](${address})`,
  (address) => `[x](<${address}>)`,
  (address) => `<${address}>`,
  (address) => `![x](${address})`,
  (address) => `![x](<${address}>)`,
  (address) => `[![x](${address})](${address})`,
  (address) => `[x]\n\n[x]: ${address}`,
  (address) => `[x]\n\n[x]: <${address}> "t"`,
  (address) => `see ${address} there`,
];

for (const address of ADDRESSES) {
  test(`no link leads to ${JSON.stringify(address)}`, async () => {
    for (const form of FORMS) {
      const root = await renderedAtOnce(form(address));
      assert.deepEqual(violations(root), [], form(address));
      for (const link of root.querySelectorAll("a")) {
        // Within a sentence a part of the text may be a harmless address of its own.
        assert.equal(safeAddress(link.getAttribute("href")), link.getAttribute("href"));
        assert.notEqual(link.getAttribute("href"), address, form(address));
        assert.doesNotMatch(link.href, /^\w+:\/\/[^/]*@/, form(address));
      }
    }
  });
}

const MARKUP = [
  "<script>alert(1)</script>", "<img src=x onerror=alert(1)>", "<svg/onload=alert(1)>", "<iframe src=//e.org></iframe>",
  "<style>*{display:none}</style>", "<form action=//e.org><input></form>", "<base href=//e.org>", "<math><mi xlink:href=x>",
  "<a href=\"javascript:alert(1)\">x</a>", "<!--><script>alert(1)</script>-->", "<![CDATA[<script>alert(1)</script>]]>",
  "&lt;script&gt;alert(1)&lt;/script&gt;", "`<script>`", "    <script>", "# <script>alert(1)</script>",
  "| <script> | <b onclick=x> |\n|---|---|\n| <img src=x> | \"><script> |", "[<script>](https://e.org '\"><script>')",
  "[x](https://e.org \"' onmouseover='alert(1)\")", "![\"><script>](https://e.org/x.png \"\"><script>\")",
  "```\"><script>alert(1)</script>\ncode\n```", "```js\" onclick=\"x\ncode\n```", "``` &quot;&gt;&lt;script&gt;\n</code></pre><script>\n```",
  "```html\n<script>alert(1)</script><img onerror=x>\n```", "```__proto__\nx\n```", "```constructor\nx\n```", "```toString\nx\n```",
  "[__proto__]: https://e.org\n\n[__proto__] [constructor] [toString]", "[constructor]\n\n[hasOwnProperty]: https://e.org\n\n[x][hasownproperty]",
  "1. <script>\n999999999. x", "99999999999. x", "-1. x", "~~<script>~~ **<b>** *<i>*", "\u202e[x](https://e.org)\u202c", "\0<scr\0ipt>",
];

for (const text of MARKUP) {
  test(`only known elements come of ${JSON.stringify(text)}`, async () => {
    assert.deepEqual(violations(await renderedAtOnce(text)), []);
    assert.deepEqual(violations(await rendered(text.split(""))), []);
  });
}

test("the spec's examples give known elements only", async () => {
  for (const { number, markdown } of spec.tests) {
    assert.deepEqual(violations(await renderedAtOnce(markdown)), [], `example ${number}`);
  }
});

test("no moment of a stream shows what the end must not", async () => {
  const random = dice(7);
  const { MarkdownView } = await import("../../static/js/markdown/view.js");
  for (const text of [...MARKUP, ...ADDRESSES.map((address) => `[x](<${address}>) <${address}>`)]) {
    const root = document.createElement("div");
    const view = new MarkdownView(root);
    for (const piece of randomPieces(text, random, 3)) {
      view.append(piece);
      assert.deepEqual(violations(root), [], text);
    }
    await view.finish();
  }
});

test("the checker sees what it must refuse", () => {
  const root = document.createElement("div");
  root.innerHTML = "<script></script><p onclick=x></p><a href='javascript:x'>x</a><img src=x>";
  assert.deepEqual(violations(root), [
    "element script", "p onclick=x", "href javascript:x", "no rel", "no target", "element img", "img src=x",
  ]);
});

test("web and mail addresses lead where they say", async () => {
  for (const address of ["https://e.org/a?b=c#d", "HTTP://E.org", "mailto:a@b.org", "http://localhost:8000/x"]) {
    for (const form of [`[x](${address})`, `<${address}>`, address]) {
      const link = (await renderedAtOnce(form)).querySelector("a");
      assert.equal(link?.href, new URL(address).href, form);
    }
  }
});

test("an image is a link to itself and loads nothing", async () => {
  const root = await renderedAtOnce('![a *b*](https://e.org/x.png "t") ![](https://e.org/y.png) [![in](https://e.org/z.png)](https://e.org)');
  assert.equal(root.querySelector("img"), null);
  assert.deepEqual([...root.querySelectorAll("a")].map((link) => [link.getAttribute("href"), link.textContent, link.title]), [
    ["https://e.org/x.png", "a b", "t"],
    ["https://e.org/y.png", "https://e.org/y.png", ""],
    ["https://e.org", "in", ""],
  ]);
});
