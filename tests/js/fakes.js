/** A clock, a WebSocket server and a storage that tests hold in their hands. */

export class Clock {
  constructor() {
    this.now = 0;
    this.tasks = new Map();
    this.next = 1;
  }

  set = (task, ms) => {
    this.tasks.set(this.next, { task, at: this.now + ms });
    this.next += 1;
    return this.next - 1;
  };

  clear = (id) => this.tasks.delete(id);

  advance(ms) {
    const end = this.now + ms;
    for (;;) {
      const due = [...this.tasks].filter(([, { at }]) => at <= end).sort((a, b) => a[1].at - b[1].at)[0];
      if (!due) break;
      const [id, { task, at }] = due;
      this.tasks.delete(id);
      this.now = at;
      task();
    }
    this.now = end;
  }
}

/**
 * The server's side of WebSockets: `up` says whether it takes connections, `refuses` is the code
 * with which it closes them again, `silent` that it says nothing at all.
 */
export class Server {
  constructor() {
    this.sockets = [];
    this.up = true;
    const server = this;
    this.WebSocket = class {
      constructor() {
        this.got = [];
        this.readyState = 0;
        server.sockets.push(this);
        queueMicrotask(() => this.answer());
      }

      answer() {
        if (!server.up) {
          this.onclose?.({ code: 1006 });
          return;
        }
        this.readyState = 1;
        this.onopen?.();
        if (server.refuses) this.onclose?.({ code: server.refuses });
        else if (!server.silent) this.say({ type: "hello" });
      }

      send(text) {
        const message = JSON.parse(text);
        this.got.push(message);
        if (message.type === "ping" && !server.silent) this.say({ type: "pong", id: message.id });
      }

      close() {
        this.closed = true;
      }

      say(message) {
        this.onmessage?.({ data: JSON.stringify(message) });
      }
    };
  }

  get last() {
    return this.sockets.at(-1);
  }

  drop(code = 1006) {
    this.last.onclose({ code });
  }
}

export class Memory extends Map {
  getItem(key) {
    return this.get(key) ?? null;
  }

  setItem(key, value) {
    this.set(key, value);
  }
}
