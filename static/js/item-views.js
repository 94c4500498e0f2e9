/**
 * One view for each kind of output item: `new View()`, `.root`, `.update(item, {ended, followed})`.
 * Model text goes through MarkdownView; nothing here reads HTML from a string.
 */
import { MarkdownView } from "./markdown/view.js";
import { el, icon, setChildren, setText } from "./dom.js";
import { isStep, StepView } from "./step-views.js";

/** Text that grows: what is new is appended; a changed beginning is drawn anew. */
class GrowingMarkdown {
  constructor(className) {
    this.root = el("div", { class: className });
    this.view = new MarkdownView(this.root);
    this.finished = false;
  }

  update(text, ended) {
    const drawn = this.view.text;
    if (text !== drawn) {
      if (!this.finished && text.startsWith(drawn)) this.view.append(text.slice(drawn.length));
      else {
        this.view.set(text);
        this.finished = false;
      }
    }
    if (ended && !this.finished) {
      this.view.finish();
      this.finished = true;
    }
  }
}

/** http(s) links only; anything else in a citation is not made clickable. */
export function safeLink(url) {
  try {
    const { protocol, href } = new URL(url);
    return protocol === "https:" || protocol === "http:" ? href : null;
  } catch {
    return null;
  }
}

function hostOf(href) {
  return new URL(href).hostname.replace(/^www\./u, "");
}

/** The distinct sources of a message's parts: `{key, title, href|null}` in order of first mention. */
export function sourcesOf(item) {
  const found = new Map();
  for (const { annotations } of item.content) {
    for (const note of annotations ?? []) {
      if (!note) continue;
      const href = note.url ? safeLink(note.url) : null;
      const key = href ?? note.filename ?? note.file_id;
      if (!key || found.has(key)) continue;
      found.set(key, { key, href, title: note.title || note.filename || (href && hostOf(href)) || key });
    }
  }
  return [...found.values()];
}

class MessageView {
  constructor() {
    this.parts = [];
    this.sources = el("ul", { class: "sources", "aria-label": "Sources" });
    this.root = el("div", { class: "message" });
    this.drawnSources = "";
  }

  update(item, { ended, followed }) {
    const done = ended || item.status === "completed";
    // Begun by a worker that died before it said anything: no empty place for it.
    this.root.hidden = followed && !item.content.some(({ text, refusal }) => text || refusal);
    this.parts.length = Math.min(this.parts.length, item.content.length);
    item.content.forEach((part, at) => this._updatePart(part, at, done));
    this._updateSources(sourcesOf(item));
    const nodes = this.parts.map(({ root }) => root);
    if (this.sources.firstChild) nodes.push(this.sources);
    setChildren(this.root, nodes);
  }

  _updatePart(part, at, done) {
    const refused = part.type === "refusal";
    if (this.parts[at]?.refused !== refused) {
      const view = refused ? { root: el("p", { class: "refusal" }) } : new GrowingMarkdown("prose");
      this.parts[at] = Object.assign(view, { refused });
    }
    if (refused) setText(this.parts[at].root, part.refusal ?? "");
    else this.parts[at].update(part.text ?? "", done);
  }

  _updateSources(sources) {
    const drawn = JSON.stringify(sources);
    if (drawn === this.drawnSources) return;
    this.drawnSources = drawn;
    setChildren(this.sources, sources.map(({ title, href }) => el("li", {}, href
      ? el("a", { href, target: "_blank", rel: "noopener noreferrer nofollow" }, title,
        el("span", { class: "source-host" }, hostOf(href)))
      : el("span", {}, title))));
  }
}

class ReasoningView {
  constructor() {
    this.label = el("span", { class: "step-label" });
    const mark = el("span", { class: "step-icon" }, icon("spark"));
    this.summary = el("summary", {}, mark, this.label, icon("chevron"));
    this.body = el("div", { class: "step-body thought" });
    this.root = el("details", { class: "step reasoning" }, this.summary, this.body);
    this.parts = [];
  }

  update(item, { ended, followed }) {
    const done = ended || followed || item.status === "completed";
    this.root.dataset.status = done ? "done" : "running";
    setText(this.label, done ? "Thought" : "Thinking");
    const texts = [...item.summary, ...item.content].map(({ text }) => text ?? "").filter(Boolean);
    texts.forEach((text, at) => {
      this.parts[at] ??= new GrowingMarkdown("prose prose-small");
      this.parts[at].update(text, done);
    });
    this.parts.length = texts.length;
    setChildren(this.body, this.parts.map(({ root }) => root));
    this.root.dataset.empty = texts.length ? "no" : "yes";
    // Thought that left no words is nothing to show once it is over.
    this.root.hidden = done && texts.length === 0;
  }
}

const IMAGE_TYPES = new Set(["png", "jpeg", "webp", "gif"]);

class ImageView {
  constructor() {
    this.image = el("img", { class: "picture", alt: "" });
    this.label = el("figcaption", { class: "picture-state" });
    this.root = el("figure", { class: "picture-frame" }, this.image, this.label);
    this.drawn = null;
  }

  update(item, { ended }) {
    const data = item.result ?? item.partial_image_b64 ?? null;
    if (data !== this.drawn && (data === null || /^[A-Za-z0-9+/=\s]*$/u.test(data))) {
      this.drawn = data;
      const format = IMAGE_TYPES.has(item.output_format) ? item.output_format : "png";
      if (data) this.image.src = `data:image/${format};base64,${data}`;
    }
    this.image.hidden = !data;
    this.image.alt = item.revised_prompt || "A picture made by the model";
    const running = !ended && !item.result && item.status !== "failed";
    this.root.dataset.status = running ? "running" : "done";
    const words = item.status === "failed" ? "The picture could not be made." : "";
    setText(this.label, running ? "Making a picture" : words);
  }
}

const VIEWS = {
  message: MessageView,
  reasoning: ReasoningView,
  image_generation_call: ImageView,
};

/** The view for an item, or null for a type that has nothing to show. */
export function viewFor(item) {
  if (Object.hasOwn(VIEWS, item.type)) return new VIEWS[item.type]();
  return isStep(item.type) ? new StepView() : null;
}
