/**
 * Commands that the server has not answered yet. They live in sessionStorage, so that neither a lost
 * connection nor a reload loses a turn, and are sent again on every new connection: their ids are
 * ours, and the server starts nothing twice.
 *
 * An entry is `{command, error}`; `error` is the server's refusal, kept so that the text is not lost,
 * with `retry_at` (by this browser's clock, ms since 1970) when it will do for a while only.
 */
const KEY = "chatsite.outbox";
const BUDGET_FIELDS = ["period", "resets_at", "remaining"];
const KEPT = new Set(["turn.create", "generation.create"]);

export class Outbox {
  /** `storage`: sessionStorage or anything like it. `send(command)`: true when it went out. */
  constructor(storage, send, now = Date.now) {
    this.storage = storage;
    this.now = now;
    this.send = send;
    this.entries = new Map();
    this.stops = new Set();
    for (const entry of this._read()) this.entries.set(entry.command.id, entry);
  }

  /** Send a command that must arrive. */
  post(command) {
    this.entries.set(command.id, { command, error: null });
    this._write();
    this.send(command);
  }

  /** Ask to stop; asked again after a reconnect until the generation has ended. */
  stop(generation) {
    this.stops.add(generation);
    this.send({ type: "generation.stop", generation });
  }

  stopped(generation) {
    this.stops.delete(generation);
  }

  /** Called on each new connection. */
  resend() {
    for (const { command, error } of this.entries.values()) if (!error) this.send(command);
    for (const generation of this.stops) this.send({ type: "generation.stop", generation });
  }

  /** Sends a refused command again; `changes`, such as another model, are made to it before. */
  retry(id, changes = {}) {
    const entry = this.entries.get(id);
    if (!entry) return;
    entry.error = null;
    entry.command = { ...entry.command, ...changes };
    this._write();
    this.send(entry.command);
  }

  discard(id) {
    const entry = this.entries.get(id) ?? null;
    this.entries.delete(id);
    this._write();
    return entry;
  }

  /** Take a server message; returns the entry it answers, or null. */
  settle(message) {
    const entry = this.entries.get(message.ref);
    if (!entry) return null;
    if (message.type === "turn.created") {
      this.entries.delete(message.ref);
    } else if (message.type === "error") {
      const { code, message: text, retry_after: retryAfter = null } = message;
      entry.error = { code, message: text, retry_after: retryAfter };
      if (retryAfter !== null) entry.error.retry_at = this.now() + retryAfter * 1000;
      for (const name of BUDGET_FIELDS) if (name in message) entry.error[name] = message[name];
    } else return null;
    this._write();
    return entry;
  }

  /** Unanswered (or refused) turns of a conversation; null = the new chat. */
  turnsOf(conversation) {
    return this._all("turn.create").filter(({ command }) => command.conversation === conversation);
  }

  generationsOf(turn) {
    return this._all("generation.create").filter(({ command }) => command.turn === turn);
  }

  /** When what was refused for a while may be tried again. */
  retryTimes() {
    return [...this.entries.values()].map(({ error }) => error?.retry_at).filter(Boolean);
  }

  _all(type) {
    return [...this.entries.values()].filter(({ command }) => command.type === type);
  }

  _read() {
    let stored;
    try {
      stored = JSON.parse(this.storage.getItem(KEY) ?? "[]");
    } catch {
      stored = []; // Broken by hand or by an older version: nothing of ours can be in it.
    }
    if (!Array.isArray(stored)) return [];
    return stored.filter((entry) => KEPT.has(entry?.command?.type) && entry.command.id);
  }

  _write() {
    try {
      this.storage.setItem(KEY, JSON.stringify([...this.entries.values()]));
    } catch (error) {
      // A full or forbidden storage costs the safety net on reload, not the turn itself.
      console.warn("chatsite: the outbox is not stored", error);
    }
  }
}
