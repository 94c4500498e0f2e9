/**
 * Tells the server what has been drawn, at most every 500 ms per generation and only when something
 * new was: it stops sending to a tab that doesn't keep up.
 */
export const ACK_EVERY_MS = 500;

export class Acks {
  /** `env`: now, setTimeout, given by tests. */
  constructor(send, env = {}) {
    this.send = send;
    this.now = env.now ?? (() => performance.now());
    this.setTimeout = env.setTimeout ?? ((task, ms) => globalThis.setTimeout(task, ms));
    this.known = new Map();
  }

  drawn(generation, seq) {
    const one = this.known.get(generation) ?? { seq: 0, acked: 0, at: -Infinity, timer: false };
    this.known.set(generation, one);
    if (seq <= one.seq) return;
    one.seq = seq;
    if (one.timer) return;
    const wait = one.at + ACK_EVERY_MS - this.now();
    if (wait <= 0) this._flush(generation, one);
    else {
      one.timer = true;
      this.setTimeout(() => {
        one.timer = false;
        this._flush(generation, one);
      }, wait);
    }
  }

  /** A new connection knows no acks of the old one; the next drawing starts anew. */
  reset() {
    this.known.clear();
  }

  _flush(generation, one) {
    if (one.seq <= one.acked) return;
    if (this.known.get(generation) !== one) return;
    one.acked = one.seq;
    one.at = this.now();
    this.send({ type: "ack", generation, seq: one.seq });
  }
}
