/** Puts drawing nodes (nodes.js) into the page by createElement and createTextNode alone. */
import { CodeBlock } from "./code-block.js";
import { inlineNodes } from "./inline.js";
import { parseInline } from "./parser.js";

function touches(labels, changed) {
  for (const label of labels) if (changed.has(label)) return true;
  return false;
}

function nodesOf(part) {
  return part.kind === "inline" ? part.nodes : [part];
}

/** The first DOM node that the parts from `index` on have, or null. */
function firstDom(parts, index) {
  for (let at = index; at < parts.length; at += 1) {
    const [node] = nodesOf(parts[at]);
    if (node) return node.dom;
  }
  return null;
}

export class Drawing {
  /** `references`: what link labels mean now. `changed`: the labels whose meaning is new. */
  constructor(document, pending) {
    this.document = document;
    this.pending = pending;
    this.references = Object.create(null);
    this.changed = new Set();
  }

  /** Makes the children of `parent` that were drawn from `old`, and stand before `next`, show `parts`. */
  patch(parent, old, parts, next = null) {
    const shared = Math.min(old.length, parts.length);
    for (let index = 0; index < shared; index += 1) {
      const [before, now] = [old[index], parts[index]];
      if (before.kind !== "inline" && now.kind !== "inline") this.#patchNode(before, now);
      else this.#patchRun(parent, before, now, firstDom(old, index + 1) ?? next);
    }
    for (const part of old.slice(shared)) this.#remove(part);
    for (const part of parts.slice(shared)) this.#insert(parent, part, next);
  }

  /** Draws an element's inline runs again where they use a label whose meaning changed. */
  refresh(element) {
    element.parts.forEach((run, index) => {
      if (run.kind !== "inline" || !touches(run.labels, this.changed)) return;
      const old = run.nodes;
      this.#fill(run);
      this.patch(element.dom, old, run.nodes, firstDom(element.parts, index + 1));
    });
  }

  /** One of the two is an inline run, or both are. */
  #patchRun(parent, old, part, next) {
    if (old.kind !== part.kind) {
      this.#remove(old);
      this.#insert(parent, part, next);
    } else if (old.content === part.content && !touches(old.labels, this.changed)) {
      part.labels = old.labels;
      part.nodes = old.nodes;
    } else {
      this.#fill(part);
      this.patch(parent, old.nodes, part.nodes, next);
    }
  }

  #fill(run) {
    const { tokens, labels } = parseInline(run.content, this.references);
    run.labels = labels;
    run.nodes = inlineNodes(tokens);
  }

  #insert(parent, part, next) {
    if (part.kind !== "inline") {
      parent.insertBefore(this.#create(part), next);
      return;
    }
    this.#fill(part);
    for (const node of part.nodes) parent.insertBefore(this.#create(node), next);
  }

  #remove(part) {
    for (const node of nodesOf(part)) node.dom.remove();
  }

  #patchNode(old, node) {
    if (old.kind !== node.kind || old.tag !== node.tag || old.language !== node.language) {
      old.dom.replaceWith(this.#create(node));
      return;
    }
    node.dom = old.dom;
    if (node.kind === "text") this.#patchText(old, node);
    else if (node.kind === "code") {
      node.block = old.block;
      node.block.update(node.content, node.growing);
    } else {
      this.#patchAttributes(old, node);
      this.patch(node.dom, old.parts, node.parts);
    }
  }

  #patchText(old, node) {
    if (old.text === node.text) return;
    // appendData keeps a selection that ends in this text; assigning data would drop it.
    if (node.text.startsWith(old.text)) node.dom.appendData(node.text.slice(old.text.length));
    else node.dom.data = node.text;
  }

  #patchAttributes(old, node) {
    for (const name of Object.keys(old.attributes)) {
      if (!(name in node.attributes)) node.dom.removeAttribute(name);
    }
    for (const [name, value] of Object.entries(node.attributes)) {
      if (old.attributes[name] !== value) node.dom.setAttribute(name, value);
    }
  }

  #create(node) {
    if (node.kind === "text") node.dom = this.document.createTextNode(node.text);
    else if (node.kind === "code") {
      node.block = new CodeBlock(this.document, node.language, this.pending);
      node.block.update(node.content, node.growing);
      node.dom = node.block.dom;
    } else {
      node.dom = this.document.createElement(node.tag);
      for (const [name, value] of Object.entries(node.attributes)) node.dom.setAttribute(name, value);
      this.patch(node.dom, [], node.parts);
    }
    return node.dom;
  }
}
