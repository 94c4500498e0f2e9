/** The quiet line about the connection, what screen readers hear, and passing notes. */
import { setText } from "./dom.js";

const WORDS = {
  connecting: "Connecting",
  open: "",
  reconnecting: "Reconnecting",
  offline: "Offline",
};
/** A line that is back within this time was never worth a word. */
const PATIENCE_MS = 900;
const TOAST_MS = 5_000;

export class Status {
  constructor(indicator, announcer, toast) {
    this.indicator = indicator;
    this.announcer = announcer;
    this.toastBox = toast;
    this.timer = null;
    this.shown = "open";
    this.connection("connecting");
  }

  connection(state) {
    clearTimeout(this.timer);
    if (state === "open") this._show(state);
    else this.timer = setTimeout(() => this._show(state), PATIENCE_MS);
  }

  /** Say something to screen readers, once. */
  say(words) {
    setText(this.announcer, "");
    // A region that is emptied and filled in one go may stay unspoken.
    requestAnimationFrame(() => setText(this.announcer, words));
  }

  /** Show a passing note, and say it. */
  toast(words) {
    setText(this.toastBox, words);
    this.toastBox.dataset.shown = "yes";
    clearTimeout(this.toastTimer);
    this.toastTimer = setTimeout(() => delete this.toastBox.dataset.shown, TOAST_MS);
    this.say(words);
  }

  /** Nothing can be sent now: why. */
  wait(connected) {
    this.toast(connected ? "Wait for the answer or stop it first." : "Not connected; your text is kept.");
  }

  _show(state) {
    if (state === this.shown) return;
    if (state === "open" && this.shown !== "connecting") this.say("Connected again");
    if (state === "offline" || state === "reconnecting") this.say(WORDS[state]);
    this.shown = state;
    this.indicator.dataset.state = state;
    setText(this.indicator.lastElementChild, WORDS[state]);
  }
}
