/** One answer: its items, what it waits for, how it ended, and what can be done with it. */
import { answerText, isEnded } from "./events.js";
import { cardFor, waysOn } from "./error-words.js";
import { CostTip } from "./cost-tip.js";
import { copyText, el, icon, iconButton, setChildren, setText } from "./dom.js";
import { RetryCountdown } from "./retry-countdown.js";
import { standInWords } from "./stand-in.js";
import { placeWords } from "./place-words.js";
import { Switcher } from "./switcher.js";
import { viewFor } from "./item-views.js";

const CHECKING = "Checking before it is shown…";

/** A calm card: title, message, what to do, a link (`{href, words}`), buttons. */
export function card({ title, message, advice, tone, link }, buttons = []) {
  return el("div", { class: "card", data: { tone } },
    el("div", { class: "card-icon" }, icon(tone === "calm" ? "pause" : "alert")),
    el("div", { class: "card-words" },
      el("p", { class: "card-title" }, title),
      message && message !== title ? el("p", {}, message) : null,
      advice ? el("p", {}, advice) : null,
      link ? el("p", {}, el("a", { href: link.href }, link.words)) : null,
      buttons.length ? el("div", { class: "card-buttons" }, ...buttons) : null));
}

export function textButton(label, onclick, className = "button button-small") {
  return el("button", { type: "button", class: className, onclick }, label);
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
      el("span", { class: "waiting-words" }), el("span", { class: "waiting-place", role: "status" }));
    this.countdown = new RetryCountdown(this.waiting.children[1], (words) => actions.say(words));
    this.ending = el("div", { class: "ending" });
    this.standIn = el("p", { class: "stand-in", hidden: true });
    this.cost = new CostTip();
    this.copyButton = iconButton("copy", "Copy answer", () => this._copy());
    this.againButton = iconButton("refresh", "Another answer", () => actions.regenerate(turnId));
    this.switcher = new Switcher("answer", (id) => actions.chooseGeneration(turnId, id));
    this.bar = el("div", { class: "actions answer-actions" },
      this.switcher.root, this.copyButton, this.againButton, this.cost.root);
    this.heading = el("h3", { class: "visually-hidden" }, "Answer");
    this.root = el("div", { class: "answer" },
      this.heading, this.standIn, this.items, this.waiting, this.ending, this.bar);
    this.drawnEnding = null;
  }

  update(state, siblings, models) {
    if (this.state?.id !== state.id) this._start(state);
    const ended = isEnded(state);
    this.root.dataset.status = state.status;
    this.root.dataset.live = ended ? "no" : "yes";
    // What is busy is not read out; where one stands in the line is.
    this.root.setAttribute("aria-busy", String(!ended && state.status !== "queued"));
    this._drawItems(state, ended);
    this._drawWaiting(state, ended);
    this._drawEnding(state);
    const stands = standInWords(state, answerText(state) !== "", models);
    setText(this.standIn, stands);
    this.standIn.hidden = !stands;
    this.bar.hidden = !ended;
    this.copyButton.hidden = !answerText(state);
    this.cost.update(state, models);
    this.switcher.update(siblings.map(({ id }) => id), state.id);
  }

  /** Another answer takes this place. */
  _start(state) {
    this.state = state;
    this.root.dataset.generation = state.id;
    this.views = [];
    this.wasChecking = false;
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

  /**
   * Dots until there is anything to see, and between steps. Where text is held back for its check, words say
   * so, and from then on the line keeps its place: it fades when text comes, and nothing jumps.
   */
  _drawWaiting(state, ended) {
    const last = state.items.at(-1);
    const speaking = Boolean(last) && (last.type !== "message" || answerText({ items: [last] }) !== "");
    const idle = speaking && !state.retry && !state.checking;
    if (state.checking && !this.wasChecking) {
      this.wasChecking = true;
      this.actions.say(CHECKING); // once: who listens need not hear it again and again
    }
    this.waiting.hidden = ended || (idle && !this.wasChecking);
    this.waiting.dataset.idle = idle ? "yes" : "no";
    const waits = state.status === "queued" && state.place ? placeWords(state.place) : "";
    setText(this.waiting.lastChild, waits);
    this.countdown.update(ended ? null : state.retry);
    if (!idle && !state.retry) setText(this.waiting.children[1], state.checking ? CHECKING : "");
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
