/**
 * Markdown that is drawn while it arrives.
 *
 * The text falls into two parts: what no later text can change, drawn for good, and the tail
 * (mostly the last block), parsed again for each delta and compared with what is shown. The
 * page after the last delta is the one that the whole text gives at once.
 *
 * The parts: source.js -> parser.js -> blocks.js and inline.js (drawing nodes) -> draw.js (DOM);
 * boundary.js finds the end of the first part, open-fence.js takes long code past the parser.
 */
import { blockNodes } from "./blocks.js";
import { finalBefore } from "./boundary.js";
import { Drawing } from "./draw.js";
import { openFence } from "./open-fence.js";
import { parseBlocks } from "./parser.js";
import { SourceNormalizer } from "./source.js";

// A tail of one huge list or paragraph is not drawn for each delta, but when it has grown by
// size² / 16,000,000 characters: by 1 at 4,000, by 64 at 32,000, by 2,500 (1 %) at 200,000. What
// is shown lags by no more than that, and the work stays in proportion to the text.
const GROWTH_SCALE = 16_000_000;

function meaning(reference) {
  return reference && `${reference.href}\n${reference.title}`;
}

export class MarkdownView {
  #root;
  #text;
  #normalizer;
  #tail; // source from the last final boundary on
  #drawnLength; // how much of the tail is shown
  #tailNodes;
  #tailReferences; // link references defined in the tail
  #references; // those defined above it
  #dependents; // elements above the tail whose text uses link labels
  #drawing;
  #fence;
  #waiting;

  /** `root`: an empty element. Its children belong to the view from now on. */
  constructor(root) {
    this.#root = root;
    this.#reset();
  }

  /** The whole text so far, as it came. */
  get text() {
    return this.#text;
  }

  /** Adds a delta and draws it. */
  append(text) {
    this.#text += text;
    const source = this.#normalizer.push(text);
    if (source === "") return;
    this.#tail += source;
    if (this.#fence?.push(source)) this.#drawnLength = this.#tail.length;
    else if (this.#fence || this.#due()) this.#draw();
  }

  /** Shows another text instead. */
  set(text) {
    this.#reset();
    this.append(text);
  }

  /**
   * No more text follows. The promise resolves when the page is in its final state: colours
   * may have to be fetched first. It never rejects.
   */
  async finish() {
    if (this.#drawnLength < this.#tail.length) this.#draw();
    this.#settleCode(this.#tailNodes);
    while (this.#waiting.size > 0) await Promise.all(this.#waiting);
  }

  #reset() {
    this.#text = "";
    this.#normalizer = new SourceNormalizer();
    this.#tail = "";
    this.#drawnLength = 0;
    this.#tailNodes = [];
    this.#tailReferences = {};
    this.#references = Object.create(null);
    this.#dependents = [];
    this.#fence = null;
    this.#waiting = new Set();
    const waiting = this.#waiting;
    this.#drawing = new Drawing(this.#root.ownerDocument, (promise) => {
      waiting.add(promise);
      promise.then(() => waiting.delete(promise));
    });
    this.#root.replaceChildren();
  }

  #due() {
    const size = this.#tail.length;
    return size * size < GROWTH_SCALE * (size - this.#drawnLength);
  }

  #draw() {
    const { tokens, references } = parseBlocks(this.#tail, this.#references);
    this.#drawing.references = references;
    this.#drawing.changed = this.#changedLabels(references);
    const nodes = blockNodes(tokens, this.#tail);
    this.#drawing.patch(this.#root, this.#tailNodes, nodes);
    if (this.#drawing.changed.size > 0) for (const node of this.#dependents) this.#drawing.refresh(node);
    this.#tailNodes = nodes;
    this.#tailReferences = { ...references };
    this.#drawnLength = this.#tail.length;
    const rest = this.#commit(tokens);
    this.#fence = openFence(this.#tail, rest, this.#tailNodes);
  }

  #changedLabels(references) {
    const changed = new Set();
    for (const label of Object.keys({ ...this.#tailReferences, ...references })) {
      const before = this.#tailReferences[label] ?? this.#references[label];
      if (meaning(before) !== meaning(references[label])) changed.add(label);
    }
    return changed;
  }

  /** Gives up what is final now; answers the tokens that are left. */
  #commit(tokens) {
    const boundary = finalBefore(tokens, this.#tail);
    if (!boundary) return tokens;
    const isFinal = (token) => token.map?.[0] < boundary.line;
    let blocks = 0;
    for (const token of tokens) {
      if (token.type === "reference_definition") {
        const { label } = token.meta;
        if (isFinal(token) && Object.hasOwn(this.#tailReferences, label)) {
          this.#references[label] = this.#tailReferences[label];
          delete this.#tailReferences[label];
        }
      } else if (token.level === 0 && token.nesting !== -1 && isFinal(token)) blocks += 1;
    }
    const done = this.#tailNodes.slice(0, blocks);
    this.#settleCode(done);
    this.#rememberDependents(done);
    this.#tailNodes = this.#tailNodes.slice(blocks);
    this.#tail = this.#tail.slice(boundary.offset);
    this.#drawnLength = this.#tail.length;
    return tokens.slice(tokens.findIndex((token) => token.level === 0 && token.map && !isFinal(token)));
  }

  #settleCode(nodes) {
    for (const node of nodes) {
      if (node.kind === "code") node.block.settle();
      else if (node.kind === "element") this.#settleCode(node.parts);
    }
  }

  #rememberDependents(nodes) {
    for (const node of nodes) {
      if (node.kind !== "element") continue;
      if (node.parts.some((part) => part.kind === "inline" && part.labels.size > 0)) this.#dependents.push(node);
      this.#rememberDependents(node.parts.filter((part) => part.kind === "element"));
    }
  }
}
