/** One turn: what the person said (to copy, to edit), and the shown answer to it. */
import { copyText, el, icon, iconButton, setChildren, setText } from "./dom.js";
import { refusal, sendsText } from "./text-rules.js";
import { card, GenerationView, textButton } from "./generation-view.js";
import { offerWords } from "./budget-notices.js";
import { Switcher } from "./switcher.js";

/** The form in place of the bubble while a turn is edited. */
function editForm(text, onsave, oncancel) {
  const box = el("textarea", { class: "edit-box", "aria-label": "Edit message", rows: "3" });
  const note = el("p", { class: "edit-note", role: "alert" });
  box.value = text;
  const save = () => {
    const reason = refusal(box.value);
    setText(note, reason ?? "");
    if (!reason) onsave(box.value);
  };
  box.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && !event.isComposing) oncancel();
    else if (sendsText(event)) {
      event.preventDefault();
      save();
    }
  });
  const form = el("form", { class: "edit" }, box, note,
    el("div", { class: "edit-buttons" },
      textButton("Cancel", oncancel, "button button-quiet button-small"),
      el("button", { class: "button button-small button-accent" }, "Send again")));
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    save();
  });
  return { form, box };
}

function bubble(text) {
  return el("div", { class: "ask-bubble" }, text);
}

/** The card of a refused command: another model, trying again, or else what `last` does. */
function refusedCard(id, words, actions, last) {
  const { cheaper, again } = words;
  const use = cheaper && textButton(offerWords(cheaper), () => actions.retry(id, cheaper.id));
  const retry = again && textButton("Try again", () => actions.retry(id));
  return card(words, [use, retry, last].filter(Boolean));
}

export class TurnView {
  /** `actions`: edit(turn, text), chooseTurn(turn), refusalOf(entry), say(words) and those of GenerationView. */
  constructor(turn, actions) {
    this.turn = turn;
    this.actions = actions;
    this.bubble = bubble(turn.text);
    this.copyButton = iconButton("copy", "Copy message", () => this._copy());
    this.editButton = iconButton("edit", "Edit message", () => this.edit());
    this.switcher = new Switcher("message", (id) => actions.chooseTurn(this.turn, id));
    this.bar = el("div", { class: "actions ask-actions" },
      this.copyButton, this.editButton, this.switcher.root);
    this.body = el("div", { class: "ask-body" }, this.bubble);
    this.ask = el("div", { class: "ask" },
      el("h3", { class: "visually-hidden" }, "You"), this.body, this.bar);
    this.answer = new GenerationView(turn.id, actions);
    this.refused = el("div", { class: "ending" });
    this.root = el("article", { class: "turn", data: { turn: turn.id } },
      this.ask, this.answer.root, this.refused);
  }

  /** `entries`: regenerations of this turn that the server has not answered, or has refused. */
  update({ turn, versions, generation }, entries, models) {
    this.turn = turn;
    this.switcher.update(versions.map(({ id }) => id), turn.id);
    this.answer.root.hidden = !generation;
    if (generation) this.answer.update(generation, turn.generations, models);
    const refused = entries.filter(({ error }) => error)
      .map((entry) => [entry.command.id, this.actions.refusalOf(entry)]);
    const drawn = JSON.stringify(refused);
    if (drawn === this.drawnRefusals) return;
    this.drawnRefusals = drawn;
    setChildren(this.refused, refused.map(([id, words]) => refusedCard(id, words, this.actions,
      textButton("Dismiss", () => this.actions.discard(id), "button button-small button-quiet"))));
  }

  edit() {
    const close = () => {
      setChildren(this.body, [this.bubble]);
      this.ask.dataset.editing = "no";
      this.editButton.focus();
    };
    const { form, box } = editForm(this.turn.text, (text) => {
      close();
      this.actions.edit(this.turn, text);
    }, close);
    this.ask.dataset.editing = "yes";
    setChildren(this.body, [form]);
    box.style.height = `${Math.min(box.scrollHeight + 2, innerHeight * 0.5)}px`;
    box.focus();
    box.setSelectionRange(box.value.length, box.value.length);
  }

  async _copy() {
    const done = await copyText(this.turn.text);
    this.actions.say(done ? "Copied" : "The browser did not allow copying");
    if (!done) return;
    this.copyButton.dataset.done = "yes";
    setTimeout(() => delete this.copyButton.dataset.done, 1500);
  }
}

/** A turn that the server has not taken yet: on its way, waiting for the line, or refused. */
export class PendingTurnView {
  constructor(entry, actions) {
    this.id = entry.command.id;
    this.actions = actions;
    this.state = el("div", { class: "ending" });
    this.waiting = el("p", { class: "waiting" },
      el("span", { class: "dots", "aria-hidden": "true" }, el("i"), el("i"), el("i")),
      el("span", { class: "waiting-words" }));
    this.root = el("article", { class: "turn", data: { pending: this.id } },
      el("div", { class: "ask" },
        el("h3", { class: "visually-hidden" }, "You"),
        el("div", { class: "ask-body" }, bubble(entry.command.text)),
        el("div", { class: "actions ask-actions" })),
      el("div", { class: "answer" }, this.waiting, this.state));
  }

  update(entry, connected) {
    const { error } = entry;
    this.waiting.hidden = Boolean(error);
    setText(this.waiting.lastChild, connected ? "" : "Will be sent when the connection is back");
    const words = error ? this.actions.refusalOf(entry) : null;
    const drawn = JSON.stringify(words);
    if (drawn === this.drawn) return;
    this.drawn = drawn;
    setChildren(this.state, words ? [refusedCard(this.id, words, this.actions,
      textButton("Put back into the box", () => this.actions.putBack(this.id), "button button-small button-quiet"))] : []);
  }
}

/** A card in place of the turns. */
export function emptyCard(title, message) {
  return el("div", { class: "card", data: { tone: "calm" } },
    el("div", { class: "card-icon" }, icon("alert")),
    el("div", { class: "card-words" },
      el("p", { class: "card-title" }, title), el("p", {}, message)));
}
