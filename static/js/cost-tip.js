/** The line below an answer: model and cost; what the cost is made of on hover, focus or touch. */
import { el, setChildren, setText } from "./dom.js";
import { count, usd } from "./money.js";

/** The rows of the tip: `[name, value]`; empty when nothing is known. Pure. */
export function costRows({ cost, usage, estimated, cached }) {
  const rows = [];
  const about = estimated ? "≈ " : "";
  if (cost !== null && cost !== undefined) rows.push(["Cost", `${about}${usd(cost)}`]);
  if (!usage) return rows;
  const part = (name, number) => number > 0 && rows.push([name, count(number)]);
  rows.push(["Input tokens", about + count(usage.input_tokens)]);
  part("of these cached", usage.input_tokens_details?.cached_tokens ?? 0);
  part("of these written to the cache", usage.input_tokens_details?.cache_write_tokens ?? 0);
  rows.push(["Output tokens", about + count(usage.output_tokens)]);
  part("of these reasoning", usage.output_tokens_details?.reasoning_tokens ?? 0);
  if (estimated) rows.push(["Estimated", "the model reported no usage"]);
  if (cached) rows.push(["Repeated", "from an earlier answer"]);
  return rows;
}

/** "Luna · $0.0042" */
export function metaWords({ model, cost, estimated }, models) {
  const words = [models.find(({ id }) => id === model)?.label ?? model];
  if (Number(cost) > 0) words.push(`${estimated ? "≈ " : ""}${usd(cost)}`);
  return words.filter(Boolean).join(" · ");
}

let made = 0;

export class CostTip {
  constructor() {
    made += 1;
    const id = `cost-${made}`;
    this.words = el("span", {});
    this.tip = el("dl", { class: "cost-tip", id, role: "tooltip" });
    this.button = el("button", {
      class: "meta", type: "button", "aria-describedby": id, onclick: (event) => this._clicked(event),
    }, this.words);
    this.root = el("div", { class: "cost" }, this.button, this.tip);
    this.root.addEventListener("pointerenter", ({ pointerType }) => pointerType === "mouse" && this._show(true));
    this.root.addEventListener("pointerleave", ({ pointerType }) => pointerType === "mouse" && this._show(false));
    this.root.addEventListener("focusout", () => this._show(false));
    this.button.addEventListener("focus", () => this.button.matches(":focus-visible") && this._show(true));
    this.root.addEventListener("keydown", ({ key }) => key === "Escape" && this._show(false));
  }

  update(state, models) {
    const rows = costRows(state);
    setText(this.words, metaWords(state, models));
    this.button.disabled = rows.length === 0;
    const drawn = JSON.stringify(rows);
    if (drawn === this.drawn) return;
    this.drawn = drawn;
    setChildren(this.tip, rows.flatMap(([name, value]) => [
      el("dt", { class: name.startsWith("of these") ? "part" : null }, name), el("dd", {}, value),
    ]));
  }

  /** A mouse has it open already by being there. */
  _clicked({ pointerType }) {
    this._show(pointerType === "mouse" || this.tip.dataset.shown !== "yes");
  }

  _show(shown) {
    if (shown) this.tip.dataset.shown = "yes";
    else delete this.tip.dataset.shown;
  }
}
