/** ‹ 2/3 ›: walks through the versions of one thing. Hidden when there is only one. */
import { el, iconButton, setText } from "./dom.js";

export class Switcher {
  /** `what`: "answer" or "message", for the labels. `onchoose(id)`. */
  constructor(what, onchoose) {
    this.onchoose = onchoose;
    this.ids = [];
    this.at = 0;
    this.back = iconButton("back", `Previous ${what}`, () => this._go(-1));
    this.forth = iconButton("forth", `Next ${what}`, () => this._go(1));
    this.count = el("span", { class: "switcher-count" });
    this.root = el("div", { class: "switcher", role: "group", "aria-label": `Versions of this ${what}` },
      this.back, this.count, this.forth);
    this.root.hidden = true;
  }

  update(ids, shown) {
    this.ids = ids;
    this.at = Math.max(0, ids.indexOf(shown));
    this.root.hidden = ids.length < 2;
    setText(this.count, `${this.at + 1}/${ids.length}`);
    // aria-disabled, not disabled: a disabled button would throw the keyboard's focus away.
    this._enable(this.back, this.at > 0);
    this._enable(this.forth, this.at < ids.length - 1);
  }

  /** Which arrow has the keyboard's focus: -1, 1, or 0 for neither. */
  get step() {
    const { activeElement } = document;
    return activeElement === this.back ? -1 : activeElement === this.forth ? 1 : 0;
  }

  /** Give the focus to an arrow, or to the other one when that leads nowhere. */
  focus(step) {
    if (!step) return;
    const back = step < 0 ? this.at > 0 : this.at >= this.ids.length - 1;
    (back ? this.back : this.forth).focus({ preventScroll: true });
  }

  _go(step) {
    const id = this.ids[this.at + step];
    if (id) this.onchoose(id);
  }

  _enable(button, can) {
    button.setAttribute("aria-disabled", String(!can));
  }
}
