/**
 * The one WebSocket of this tab: connects, notices when the line is dead, comes back by itself.
 *
 * States: "connecting" (first time), "open", "reconnecting", "offline" (not connected, and the
 * browser says that there is no network). The browser's word alone never closes a connection:
 * a site on this machine works without a network.
 */
import { newId } from "./ids.js";

export const CLOSED_NO_LOGIN = 4401;
const CLOSING = 2; // WebSocket.CLOSING; CLOSED is 3
const PING_AFTER_MS = 20_000;
const PONG_WITHIN_MS = 8_000;
const HASTY_PONG_WITHIN_MS = 2_500;
const CONNECT_WITHIN_MS = 10_000;
const BACKOFF_MS = [400, 800, 1_600, 3_200, 6_400, 12_800, 20_000];

/** Pause before attempt `n` (0 = first): half of it fixed, half by chance, so that tabs spread. */
export function backoff(n, random = Math.random) {
  const most = BACKOFF_MS[Math.min(n, BACKOFF_MS.length - 1)];
  return most / 2 + (most / 2) * random();
}

export class Socket {
  /**
   * `env`: WebSocket, setTimeout, clearTimeout, random and isOnline, given by tests.
   * `handlers`: onOpen(), onMessage(object), onState(state), onNoLogin().
   */
  constructor(url, handlers, env = {}) {
    this.url = url;
    this.handlers = handlers;
    this.env = {
      WebSocket: globalThis.WebSocket,
      setTimeout: (task, ms) => globalThis.setTimeout(task, ms),
      clearTimeout: (timer) => globalThis.clearTimeout(timer),
      random: Math.random,
      isOnline: () => globalThis.navigator?.onLine !== false,
      ...env,
    };
    this.state = "connecting";
    this.attempt = 0;
    this.socket = null;
    this.timers = {};
  }

  connect() {
    this._clear("retry");
    if (this.socket) return;
    const socket = new this.env.WebSocket(this.url);
    this.socket = socket;
    socket.onopen = () => this.socket === socket && this._opened();
    socket.onmessage = ({ data }) => this.socket === socket && this._received(data);
    socket.onclose = ({ code }) => this.socket === socket && this._closed(code);
    this._later("pong", CONNECT_WITHIN_MS, () => this._drop());
  }

  /** True when the command went out; a false one is the outbox's business. */
  send(command) {
    if (this.state !== "open") return false;
    // Between the close frame and the close event the state still says "open".
    if (this.socket.readyState >= CLOSING) return false;
    this.socket.send(JSON.stringify(command));
    return true;
  }

  /** The browser says that the network came back: don't wait for the back-off. */
  online() {
    if (this.state === "open") {
      this._ping(HASTY_PONG_WITHIN_MS);
      return;
    }
    this.attempt = 0;
    if (this.socket) this._drop();
    this._clear("retry");
    this.connect();
  }

  /** The browser says that the network is gone: ask the server rather than believe it. */
  offline() {
    if (this.state === "open") this._ping(HASTY_PONG_WITHIN_MS);
    else this._setState("offline");
  }

  _opened() {
    this.attempt = 0;
    this._clear("pong");
    this._setState("open");
    this._later("ping", PING_AFTER_MS, () => this._ping(PONG_WITHIN_MS));
    this.handlers.onOpen();
  }

  _received(data) {
    this._clear("pong");
    this._later("ping", PING_AFTER_MS, () => this._ping(PONG_WITHIN_MS));
    let message;
    try {
      message = JSON.parse(data);
    } catch (error) {
      console.error("chatsite: a frame that is not JSON", error);
      return;
    }
    if (message.type !== "pong") this.handlers.onMessage(message);
  }

  _ping(patience) {
    this._later("pong", patience, () => this._drop());
    this.send({ type: "ping", id: newId() });
  }

  /** Give up on a line that doesn't answer; its own close event may come minutes later. */
  _drop() {
    const socket = this.socket;
    if (!socket) return;
    this._closed(1006);
    socket.close();
  }

  _closed(code) {
    this.socket = null;
    this._clear("ping");
    this._clear("pong");
    if (code === CLOSED_NO_LOGIN) {
      this.handlers.onNoLogin();
      return;
    }
    this._setState(this.env.isOnline() ? "reconnecting" : "offline");
    this._later("retry", backoff(this.attempt, this.env.random), () => this.connect());
    this.attempt += 1;
  }

  _setState(state) {
    if (this.state === state) return;
    this.state = state;
    this.handlers.onState(state);
  }

  _later(name, ms, task) {
    this._clear(name);
    this.timers[name] = this.env.setTimeout(task, ms);
  }

  _clear(name) {
    if (this.timers[name] === undefined) return;
    this.env.clearTimeout(this.timers[name]);
    delete this.timers[name];
  }
}
