/** The small meter in the composer: how much of the tightest budget is used; all of them on demand. */
import { limitWords, nameOf, percent, resetWords, tightest, usedShare } from "./budgets.js";
import { el, setChildren, setText } from "./dom.js";
import { usd } from "./money.js";

/** How a bar or ring is coloured: "calm", "near" or "full". */
function toneOf(share, near) {
  if (share >= 1) return "full";
  return near || share > 0.8 ? "near" : "calm";
}

function bar(budget) {
  const share = (amount) => `${Math.min(100, Math.max(0, (Number(amount) / Number(budget.limit || 1)) * 100))}%`;
  const spent = el("span", { class: "bar-spent" });
  const held = el("span", { class: "bar-held" });
  spent.style.width = Number(budget.limit) > 0 ? share(budget.spent) : "100%";
  held.style.width = share(budget.reserved ?? 0);
  return el("div", { class: "bar", "aria-hidden": "true" }, spent, held);
}

function row(budget) {
  const held = Number(budget.reserved ?? 0) > 0 ? `${usd(budget.reserved)} held for answers being written. ` : "";
  return el("li", { class: "budget", data: { tone: toneOf(usedShare(budget), false) } },
    el("p", { class: "budget-line" },
      el("span", { class: "budget-name" }, nameOf(budget)),
      el("span", {}, `${usd(budget.spent)} of ${usd(budget.limit)}`)),
    bar(budget),
    el("p", { class: "budget-note" }, held + resetWords(budget)));
}

export class Meter {
  /** `root`: the button; `panel`: the popover with the details. */
  constructor(root, panel) {
    this.root = root;
    this.panel = panel;
    this.ring = root.querySelector("[data-role=ring]");
    this.words = root.querySelector("[data-role=words]");
    this.label = root.querySelector("[data-role=label]");
    this.list = panel.querySelector("[data-role=limits]");
    panel.addEventListener("toggle", ({ newState }) => {
      root.setAttribute("aria-expanded", String(newState === "open"));
      if (newState === "open") this._place();
    });
    root.addEventListener("focus", () => root.matches(":focus-visible") && panel.showPopover());
    for (const part of [root, panel]) part.addEventListener("focusout", (event) => this._left(event));
  }

  /** `near`: a limit is near, whatever the share of the tightest one. */
  update(budgets, visible, near) {
    this.root.hidden = !visible;
    const budget = tightest(budgets);
    if (!visible || !budget) {
      this.panel.hidePopover();
      return;
    }
    const share = usedShare(budget);
    this.root.dataset.tone = toneOf(share, near);
    this.ring.style.setProperty("--used", String(Math.min(share, 1)));
    setText(this.words, percent(share));
    setText(this.label, ` of ${limitWords(budget)} used`);
    const drawn = JSON.stringify(budgets);
    if (drawn === this.drawn) return;
    this.drawn = drawn;
    setChildren(this.list, budgets.map(row));
  }

  /** Above the composer, within the window. */
  _place() {
    const { left } = this.root.getBoundingClientRect();
    const { top } = this.root.closest("form").getBoundingClientRect();
    const most = innerWidth - this.panel.offsetWidth - 12;
    this.panel.style.left = `${Math.max(12, Math.min(left - 12, most))}px`;
    this.panel.style.bottom = `${innerHeight - top + 10}px`;
  }

  /** The focus went on: to the link in the details, or away. */
  _left({ relatedTarget }) {
    const within = [this.root, this.panel].some((part) => part.contains(relatedTarget));
    if (relatedTarget && !within) this.panel.hidePopover();
  }
}
