/** The inside of a <code> element, drawn from a tree of strings and {className, children}. */

// Long plain code goes on in blocks of its own, each ending at the first line end past this
// length: a browser lays out a whole block again when text is added to it.
const PART = 4_096;

function textOf(node) {
  if (typeof node === "string") return node;
  return node?.className === "code-part" ? node.children[0] : "";
}

function isFull(string) {
  return string.length >= PART && string.endsWith("\n");
}

/** Adds plain code to the end of a tree. Only its last entry changes; others may follow. */
function addPlain(tree, text) {
  for (let rest = text; rest !== ""; ) {
    const last = tree.at(-1);
    const before = textOf(last);
    const goesOn = before !== "" && !isFull(before);
    const room = goesOn ? PART - before.length : PART;
    const end = rest.indexOf("\n", Math.max(0, room - 1));
    const piece = end < 0 ? rest : rest.slice(0, end + 1);
    const string = goesOn ? before + piece : piece;
    const isPart = goesOn ? typeof last !== "string" : before !== "";
    if (goesOn) tree.pop();
    tree.push(isPart ? { className: "code-part", children: [string] } : string);
    rest = rest.slice(piece.length);
  }
}

/** Code without colours; the same tree however the text came. */
export function plainTree(text) {
  const tree = [];
  addPlain(tree, text);
  return tree;
}

function sameTree(one, other) {
  if (typeof one === "string" || typeof other === "string") return one === other;
  if (one.className !== other.className || one.children.length !== other.children.length) return false;
  return one.children.every((child, index) => sameTree(child, other.children[index]));
}

function build(document, tree) {
  if (typeof tree === "string") return document.createTextNode(tree);
  const span = document.createElement("span");
  span.className = tree.className;
  for (const child of tree.children) span.append(build(document, child));
  return span;
}

export class CodeTree {
  #element;
  #tree = [];

  /** `element`: an empty <code>. */
  constructor(element) {
    this.#element = element;
  }

  /** Shows `tree`; equal nodes at its start stay, so that a selection in them survives. */
  draw(tree) {
    const limit = Math.min(tree.length, this.#tree.length);
    let same = 0;
    while (same < limit && sameTree(tree[same], this.#tree[same])) same += 1;
    while (this.#element.childNodes.length > same) this.#element.lastChild.remove();
    this.#tree = [...tree];
    this.#addFrom(same);
  }

  /** Shows more code, plain for now, at the end. */
  append(text) {
    const count = this.#tree.length;
    const before = textOf(this.#tree.at(-1));
    addPlain(this.#tree, text);
    if (before !== "") {
      const last = this.#element.lastChild;
      // A text node that grows keeps a selection in it; a new one would not.
      (last.firstChild ?? last).appendData(textOf(this.#tree[count - 1]).slice(before.length));
    }
    this.#addFrom(count);
  }

  #addFrom(index) {
    const document = this.#element.ownerDocument;
    const rest = document.createDocumentFragment();
    for (const node of this.#tree.slice(index)) rest.append(build(document, node));
    this.#element.append(rest);
  }
}
