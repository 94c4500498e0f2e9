/** The quiet line about the connection, what screen readers hear, and passing notes. */
import { setText } from "./dom.js";

const WORDS = {
  connecting: "Connecting",
  open: "",
  reconnecting: "Reconnecting",
  restarting: "Reconnecting",
  offline: "Offline",
  "too-many-tabs": "Too many tabs are open. Close one; this page then connects by itself.",
};
/** A line that is back within this time was never worth a word; a restart takes a little longer. */
const PATIENCE_MS = 1_000;
const RESTART_PATIENCE_MS = 3_000;
const TOAST_MS = 5_000;

export class Status {
  /** `onConnection()`: called when what is shown of the connection has changed. */
  constructor(indicator, announcer, toast, onConnection) {
    this.indicator = indicator;
    this.announcer = announcer;
    this.toastBox = toast;
    this.onConnection = onConnection;
    this.timer = null;
    this.shown = "open";
    this.connection("connecting");
  }

  /** As far as anybody needs to know. */
  get connected() {
    return this.shown === "open";
  }

  connection(state) {
    clearTimeout(this.timer);
    if (state === "open") {
      this._show(state);
      return;
    }
    const patience = state === "restarting" ? RESTART_PATIENCE_MS : PATIENCE_MS;
    this.timer = setTimeout(() => this._show(state), patience);
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
  wait() {
    this.toast(this.connected ? "Wait for the answer or stop it first." : "Not connected; your text is kept.");
  }

  _show(state) {
    if (state === this.shown) return;
    if (state === "open" && this.shown !== "connecting") this.say("Connected again");
    if (state !== "open" && state !== "connecting") this.say(WORDS[state]);
    this.shown = state;
    this.indicator.dataset.state = state;
    setText(this.indicator.lastElementChild, WORDS[state]);
    this.onConnection();
  }
}
