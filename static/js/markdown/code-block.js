/** One code block in the page: head with language and copy button, and the code itself. */
import { CodeTree, plainTree } from "./code-tree.js";
import { HIGHLIGHT_LIMIT, highlightTree } from "./highlight.js";
import { isReady, languageName, load } from "./languages.js";

// While a block grows, it is coloured again after each line as long as it is short, later when
// it has grown by a fraction, and above a size only at its end. So all the passes together cost
// a constant times the last one, and none is long.
const EVERY_LINE_UP_TO = 2_000;
const GROWING_LIMIT = 12_000;
const GROWTH = 1 / 20;

function headOf(document, language) {
  const head = document.createElement("div");
  head.className = "code-head";
  const label = document.createElement("span");
  label.className = "code-lang";
  label.textContent = language.slice(0, 40);
  const copy = document.createElement("button");
  copy.type = "button";
  copy.className = "code-copy";
  copy.textContent = "Copy";
  head.append(label, copy);
  return head;
}

export class CodeBlock {
  #shown;
  #name;
  #content = "";
  #coloured = 0; // length of the content at the last colouring
  #growing = true;
  #requested = false;
  #pending;

  /** `language` is the word after the fence, or "". `pending` is told of each promise to wait for. */
  constructor(document, language, pending) {
    this.#name = languageName(language);
    this.#pending = pending;
    const code = document.createElement("code");
    code.className = this.#name ? `hljs language-${this.#name}` : "hljs";
    this.#shown = new CodeTree(code);
    const pre = document.createElement("pre");
    pre.append(code);
    this.dom = document.createElement("div");
    this.dom.className = "code-block";
    this.dom.append(headOf(document, language), pre);
  }

  /** Shows `content`; `growing` says that more may follow at its end. */
  update(content, growing) {
    if (content.startsWith(this.#content)) this.append(content.slice(this.#content.length));
    else {
      // A line that looked like code has turned out to close the fence.
      this.#content = content;
      this.#coloured = 0;
      if (!this.#due() || !this.#colour()) this.#shown.draw(plainTree(content));
    }
    if (growing) this.#growing = true;
    else this.settle();
  }

  /** Nothing more will follow: colours the whole, or nothing of it when it is too long. */
  settle() {
    if (!this.#growing) return;
    this.#growing = false;
    if (this.#content.length > HIGHLIGHT_LIMIT) this.#shown.draw(plainTree(this.#content));
    else if (this.#due()) this.#colour();
  }

  /** More code at the end. */
  append(text) {
    if (text === "") return;
    this.#content += text;
    this.#shown.append(text);
    if ((!this.#growing || text.includes("\n")) && this.#due()) this.#colour();
  }

  #due() {
    const size = this.#content.length;
    if (!this.#name || size === 0 || size > HIGHLIGHT_LIMIT) return false;
    if (!this.#growing) return true;
    if (size > GROWING_LIMIT || !this.#content.includes("\n", this.#coloured)) return false;
    return size <= EVERY_LINE_UP_TO || size - this.#coloured >= size * GROWTH;
  }

  /** False when the grammar has yet to be fetched. */
  #colour() {
    if (!isReady(this.#name)) {
      this.#request();
      return false;
    }
    this.#coloured = this.#content.length;
    this.#shown.draw(highlightTree(this.#name, this.#content));
    return true;
  }

  #request() {
    if (this.#requested) return;
    this.#requested = true;
    const arrival = load(this.#name).then(() => {
      if (isReady(this.#name) && this.#due()) this.#colour();
    });
    this.#pending(arrival);
  }
}
