/**
 * The one WebSocket of this tab: connects, notices when the line is dead, comes back by itself.
 *
 * States: "connecting" (first time), "open" (the server has spoken), "reconnecting", "restarting"
 * (reconnecting to a server that said it would be back), "too-many-tabs" (the server takes no more
 * of this person's), "offline" (not connected, and the browser says that there is no network). The
 * browser's word alone never closes a connection: a site on this machine works without a network.
 */
import { newId } from "./ids.js";

// Close codes: the first two are WebSocket's own, the others the site's.
const SERVER_RESTARTS = 1012;
const TRY_LATER = 1013;
const NO_LOGIN = 4401;
const TOO_MANY_TABS = 4429;
const OPEN = 1; // WebSocket.OPEN
const PING_AFTER_MS = 20_000;
const PONG_WITHIN_MS = 8_000;
const HASTY_PONG_WITHIN_MS = 2_500;
const CONNECT_WITHIN_MS = 10_000;
const HELLO_WITHIN_MS = 20_000; // the server waits for its database, but not for ever
const BACKOFF_MS = [400, 800, 1_600, 3_200, 6_400, 12_800, 20_000];

/** Pause before attempt `n` (0 = first): half of it fixed, half by chance, so that tabs spread. */
export function backoff(n, random = Math.random) {
  const most = BACKOFF_MS[Math.min(n, BACKOFF_MS.length - 1)];
  return most / 2 + (most / 2) * random();
}

/** Pause after a close with `code`, when `n` connections in a row have come to nothing. */
export function pauseAfter(code, n, random = Math.random) {
  if (code === TOO_MANY_TABS) return 12_000 + 6_000 * random();
  if (code === TRY_LATER) return backoff(n + 4, random);
  // A server that restarts closes all its sockets at once: they don't all come back at once.
  if (code === SERVER_RESTARTS && n === 0) return 200 + 1_600 * random();
  return backoff(n, random);
}

export class Socket {
  /**
   * `env`: WebSocket, setTimeout, clearTimeout, random and isOnline, given by tests.
   * `handlers`: onOpen() (commands are obeyed), onMessage(object), onState(state), onNoLogin().
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
    // Accepted, maybe only to be told to go away: it counts once the server has spoken.
    socket.onopen = () => this.socket === socket && this._later("pong", HELLO_WITHIN_MS, () => this._drop());
    socket.onmessage = ({ data }) => this.socket === socket && this._received(data);
    socket.onclose = ({ code }) => this.socket === socket && this._closed(code);
    this._later("pong", CONNECT_WITHIN_MS, () => this._drop());
  }

  /** True when the command went out; a false one is the outbox's business. */
  send(command) {
    if (this.state !== "open") return false;
    // Between the close frame and the close event the state still says "open".
    if (this.socket.readyState !== OPEN) return false;
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

  _received(data) {
    this._begin();
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

  _begin() {
    if (this.state === "open") return;
    this.attempt = 0;
    this._setState("open");
    this.handlers.onOpen();
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
    if (code === NO_LOGIN) {
      this.handlers.onNoLogin();
      return;
    }
    this._setState(this._stateAfter(code));
    this._later("retry", pauseAfter(code, this.attempt, this.env.random), () => this.connect());
    this.attempt += 1;
  }

  _stateAfter(code) {
    if (code === TOO_MANY_TABS) return "too-many-tabs";
    if (code === SERVER_RESTARTS) return "restarting";
    return this.env.isOnline() ? "reconnecting" : "offline";
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
