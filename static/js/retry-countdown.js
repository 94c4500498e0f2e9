/** "Trying again in 4 s": counts down in its place, and is said to screen readers once. */
import { setText } from "./dom.js";
import { retryWords } from "./error-words.js";

/** A wait that is over sooner is not worth interrupting anybody. */
const SPOKEN_MS = 1_000;

/** A browser's own functions can't be called as those of another object. */
const BROWSER = {
  now: () => Date.now(),
  later: (run, wait) => setTimeout(run, wait),
  never: (timer) => clearTimeout(timer),
};

export class RetryCountdown {
  /** `node`: where the words go. `say(words)`: tells screen readers. */
  constructor(node, say, env = BROWSER) {
    this.node = node;
    this.say = say;
    this.env = env;
    this.shown = null;
    this.timer = null;
  }

  /** `retry`: what an answer waits for, `{code, kind, attempt, delay_ms, until}`, or null. */
  update(retry) {
    const shown = retry && `${retry.attempt} ${retry.until}`;
    if (shown === this.shown) return;
    this.shown = shown;
    this.env.never(this.timer);
    if (!retry) {
      setText(this.node, "");
      return;
    }
    // `until` is the server's clock, which may be wrong here: never longer than was said.
    const left = Date.parse(retry.until) - this.env.now();
    const wait = Math.min(Math.max(Number.isNaN(left) ? retry.delay_ms : left, 0), retry.delay_ms);
    this.due = this.env.now() + wait;
    if (wait >= SPOKEN_MS) this.say(retryWords(retry, Math.ceil(wait / 1000)));
    this._tick(retry);
  }

  _tick(retry) {
    const left = this.due - this.env.now();
    const seconds = Math.max(Math.ceil(left / 1000), 0);
    setText(this.node, retryWords(retry, seconds));
    if (seconds > 0) {
      this.timer = this.env.later(() => this._tick(retry), left - (seconds - 1) * 1000);
    }
  }
}
