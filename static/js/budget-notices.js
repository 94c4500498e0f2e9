/** Above the composer: the warning near a limit, and the offer of the cheapest model. */
import { budgetWarnedOf, capital, limitWords, percent } from "./budgets.js";
import { el, iconButton, setChildren } from "./dom.js";
import { usd, whenWords } from "./money.js";

/** What a warning says: `{title, words}`. Pure. */
export function warningWords(warning, budgets, now = Date.now()) {
  const at = warning.resets_at ?? budgetWarnedOf(warning, budgets)?.resets_at;
  const share = warning.share ?? Number(warning.spent) / Number(warning.limit);
  const title = `${percent(Number(share))} of ${limitWords(warning)} is used`;
  const again = at ? `It starts anew ${whenWords(at, now)}.` : "It does not start anew by itself.";
  return { title: capital(title), words: `${usd(warning.spent)} of ${usd(warning.limit)}. ${again}` };
}

export function offerWords({ id, label }) {
  return `Use ${label ?? id}, the cheapest`;
}

export class BudgetNotices {
  /** `root`: an empty element. `actions`: useModel(id), dismiss(warning), leave() (the focus goes on). */
  constructor(root, actions) {
    this.root = root;
    this.actions = actions;
  }

  /** `warnings` to show; `offer`: a model or null. */
  update(warnings, budgets, offer) {
    const words = warnings.map((warning) => warningWords(warning, budgets));
    const drawn = JSON.stringify([words, offer?.id]);
    if (drawn === this.drawn) return;
    this.drawn = drawn;
    const hadFocus = this.root.contains(document.activeElement);
    const nodes = warnings.map((warning, at) => this._banner(words[at], warning));
    setChildren(this.root, [...nodes, ...(offer ? [this._offer(offer, nodes.length > 0)] : [])]);
    if (hadFocus) this.actions.leave();
  }

  _banner({ title, words }, warning) {
    return el("aside", { class: "notice budget-warning", "aria-label": "Spending limit" },
      el("p", {}, el("strong", {}, `${title}.`), " ", words, " ", el("a", { href: "/usage/" }, "Your usage")),
      iconButton("close", "Dismiss this warning", () => this.actions.dismiss(warning)));
  }

  /** `explained`: the warning above it says why. */
  _offer(model, explained) {
    return el("p", { class: "offer" },
      explained ? null : el("span", {}, "Near the limit. "),
      el("button", {
        class: "button button-small", type: "button", onclick: () => this.actions.useModel(model.id),
      }, offerWords(model)));
  }
}
