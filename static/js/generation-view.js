/** One answer: its items, what it waits for, how it ended, and what can be done with it. */
import { answerText, isEnded } from "./events.js";
import { cardFor, waysOn } from "./error-words.js";
import { copyText, el, icon, iconButton, setChildren, setText } from "./dom.js";
import { Switcher } from "./switcher.js";
import { viewFor } from "./item-views.js";

/** A calm card: title, message, what to do, buttons. */
export function card({ title, message, advice, tone }, buttons = []) {
  return el("div", { class: "card", data: { tone } },
    el("div", { class: "card-icon" }, icon(tone === "calm" ? "pause" : "alert")),
    el("div", { class: "card-words" },
      el("p", { class: "card-title" }, title),
      message && message !== title ? el("p", {}, message) : null,
      advice ? el("p", {}, advice) : null,
      buttons.length ? el("div", { class: "card-buttons" }, ...buttons) : null));
}

export function textButton(label, onclick, className = "button button-small") {
  return el("button", { type: "button", class: className, onclick }, label);
}

function metaWords(state, models) {
  const words = [];
  const label = models.find(({ id }) => id === state.model)?.label ?? state.model;
  if (label) words.push(label);
  if (state.cost && Number(state.cost) > 0) {
    words.push(`${state.estimated ? "≈ " : ""}$${Number(state.cost).toPrecision(2)}`);
  }
  return words.join(" · ");
}

export class GenerationView {
  /** `actions`: regenerate(turnId), goOn(generationId), chooseGeneration(turnId, generationId). */
  constructor(turnId, actions) {
    this.turnId = turnId;
    this.actions = actions;
    this.state = null;
    this.views = [];
    this.items = el("div", { class: "items" });
    this.waiting = el("p", { class: "waiting" },
      el("span", { class: "dots", "aria-hidden": "true" }, el("i"), el("i"), el("i")),
      el("span", { class: "waiting-words" }));
    this.ending = el("div", { class: "ending" });
    this.meta = el("span", { class: "meta" });
    this.copyButton = iconButton("copy", "Copy answer", () => this._copy());
    this.againButton = iconButton("refresh", "Another answer", () => actions.regenerate(turnId));
    this.switcher = new Switcher("answer", (id) => actions.chooseGeneration(turnId, id));
    this.bar = el("div", { class: "actions answer-actions" },
      this.switcher.root, this.copyButton, this.againButton, this.meta);
    this.heading = el("h3", { class: "visually-hidden" }, "Answer");
    this.root = el("div", { class: "answer" },
      this.heading, this.items, this.waiting, this.ending, this.bar);
    this.drawnEnding = null;
  }

  update(state, siblings, models) {
    if (this.state?.id !== state.id) this._start(state);
    const ended = isEnded(state);
    this.root.dataset.status = state.status;
    this.root.dataset.live = ended ? "no" : "yes";
    this.root.setAttribute("aria-busy", String(!ended));
    this._drawItems(state, ended);
    this._drawWaiting(state, ended);
    this._drawEnding(state);
    this.bar.hidden = !ended;
    this.copyButton.hidden = !answerText(state);
    setText(this.meta, metaWords(state, models));
    this.switcher.update(siblings.map(({ id }) => id), state.id);
  }

  /** Another answer takes this place. */
  _start(state) {
    this.state = state;
    this.root.dataset.generation = state.id;
    this.views = [];
    setChildren(this.items, []);
  }

  _drawItems(state, ended) {
    const { items } = state;
    items.forEach((item, at) => {
      const known = this.views[at];
      if (known?.type !== item.type) this.views[at] = { type: item.type, view: viewFor(item) };
      const followed = at < items.length - 1;
      this.views[at].view?.update(item, { ended, followed });
    });
    this.views.length = items.length;
    setChildren(this.items, this.views.filter(({ view }) => view).map(({ view }) => view.root));
  }

  /** Dots until there is anything to see, and between steps. */
  _drawWaiting(state, ended) {
    const last = state.items.at(-1);
    const speaking = last && (last.type !== "message" || answerText({ items: [last] }) !== "");
    this.waiting.hidden = ended || (Boolean(speaking) && !state.retry);
    const words = state.retry ? "The model did not answer. Trying again" : "";
    setText(this.waiting.lastChild, words);
  }

  _drawEnding(state) {
    const words = cardFor(state);
    const drawn = JSON.stringify([words, state.id]);
    if (drawn === this.drawnEnding) return;
    this.drawnEnding = drawn;
    if (!words) {
      setChildren(this.ending, []);
      return;
    }
    const { goOn, again } = waysOn(state, answerText(state) !== "");
    const buttons = [];
    if (goOn) buttons.push(textButton("Continue", () => this.actions.goOn(state.id)));
    if (again) buttons.push(textButton("Try again", () => this.actions.regenerate(this.turnId)));
    setChildren(this.ending, [card(words, buttons)]);
  }

  async _copy() {
    const done = await copyText(answerText(this.state));
    this.actions.say(done ? "Copied" : "The browser did not allow copying");
    if (!done) return;
    this.copyButton.dataset.done = "yes";
    setTimeout(() => delete this.copyButton.dataset.done, 1500);
  }
}
