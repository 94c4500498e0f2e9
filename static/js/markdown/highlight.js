/** Coloured code as a tree of plain data, which code-block.js draws. highlight.js's HTML is unused. */
import { plainTree } from "./code-tree.js";
import { highlighter } from "./languages.js";

/** Longer code stays plain: colouring it would freeze the page for a noticeable time. */
export const HIGHLIGHT_LIMIT = 60_000;

/** "title.function" -> "hljs-title function_", as highlight.js's style sheets spell it. */
function classOf(scope) {
  if (scope.startsWith("language:")) return scope.replace("language:", "language-");
  const [first, ...rest] = scope.split(".");
  const words = rest.map((word, index) => word + "_".repeat(index + 1));
  return [`hljs-${first}`, ...words].join(" ");
}

/**
 * highlight.js's emitter interface. A tree is an array of strings and {className, children};
 * no two strings are neighbours, so that trees of equal look are equal.
 */
class TreeEmitter {
  constructor() {
    this.tree = [];
    this.stack = [this.tree];
  }

  addText(string) {
    if (string === "") return;
    const siblings = this.stack.at(-1);
    if (typeof siblings.at(-1) === "string") siblings[siblings.length - 1] += string;
    else siblings.push(string);
  }

  startScope(scope) {
    const span = { className: classOf(scope), children: [] };
    this.stack.at(-1).push(span);
    this.stack.push(span.children);
  }

  endScope() {
    if (this.stack.length > 1) this.stack.pop();
  }

  openNode(scope) {
    this.startScope(scope);
  }

  closeNode() {
    this.endScope();
  }

  __addSublanguage(emitter, name) {
    if (!name) for (const node of emitter.tree) this.#addNode(node);
    else this.#addNode({ className: `language-${name}`, children: emitter.tree });
  }

  #addNode(node) {
    if (typeof node === "string") this.addText(node);
    else this.stack.at(-1).push(node);
  }

  finalize() {
    this.stack = [this.tree];
    return true;
  }

  toHTML() {
    return "";
  }
}

highlighter.configure({ __emitter: TreeEmitter });

/** The tree of `content`; plain when the grammar fails on it. The language must be ready. */
export function highlightTree(language, content) {
  const result = highlighter.highlight(content, { language, ignoreIllegals: true });
  if (result.errorRaised) return plainTree(content);
  return result._emitter.tree;
}
