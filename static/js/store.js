/**
 * Everything this tab knows: the conversation list, and of open conversations the turns and
 * generations. No DOM, no socket. `apply(message)` takes a server message and returns
 * `{changed, commands}`: what to draw anew (`"list"`, `"hello"`, `"chat:<id>"`, `"generation:<id>"`)
 * and what to send (a gap in a generation's events asks for `conversation.open`).
 */
import { applyEvent, fromSnapshot, isEnded } from "./events.js";

const MAX_ORPHANS = 2000;

/** A conversation whose turns are known: turns by id in the order of creation, generations by id. */
function emptyChat() {
  return { turns: new Map(), choices: new Map(), loaded: false, missing: false };
}

/** Oldest first: messages that went through several processes may come in another order. */
function byCreation(list) {
  const when = ({ created }) => created ?? "";
  return list.sort((a, b) => Number(when(a) > when(b)) - Number(when(a) < when(b)));
}

export class Store {
  constructor() {
    this.user = null;
    this.models = [];
    this.defaultModel = null;
    this.budgets = [];
    this.conversations = new Map();
    this.deleted = new Set();
    this.chats = new Map();
    this.generations = new Map();
    this.gaps = new Set();
    this.orphans = new Map();
    this.places = new Map(); // of generations that wait and that this tab may not know yet
  }

  /** Newest first, as the sidebar shows them. */
  list() {
    return [...this.conversations.values()].sort((a, b) => (a.updated < b.updated ? 1 : -1));
  }

  chat(id) {
    return this.chats.get(id) ?? null;
  }

  /** Turns of a conversation in the shape that tree.js reads. */
  turns(id) {
    const chat = this.chats.get(id);
    return chat ? byCreation([...chat.turns.values()]) : [];
  }

  /** generation -> last `seq` seen, for the generations that may still have events to come. */
  cursors(id) {
    const cursors = {};
    for (const turn of this.turns(id)) {
      for (const generation of turn.generations) {
        const open = !isEnded(generation) || this.gaps.has(generation.id);
        if (open && generation.seq > 0) cursors[generation.id] = generation.seq;
      }
    }
    return cursors;
  }

  openCommand(id) {
    return { type: "conversation.open", conversation: id, cursors: this.cursors(id) };
  }

  choose(id, key, value) {
    this.chats.get(id)?.choices.set(key, value);
  }

  /** The server says that there is no such conversation of ours. */
  missing(id) {
    if (!this.chats.has(id)) this.chats.set(id, emptyChat());
    this.chats.get(id).missing = true;
  }

  addConversations(list) {
    for (const conversation of list) this.conversations.set(conversation.id, conversation);
  }

  /** The top of the list as it is now: takes what is new, drops what is gone from between. */
  refreshConversations(list) {
    const listed = new Set(list.map(({ id }) => id));
    for (const { id, updated } of this.list()) {
      // One that is newer than the whole page has been told of since the page was read.
      const between = updated <= list[0]?.updated && updated >= list.at(-1)?.updated;
      if (between && !listed.has(id)) this.conversations.delete(id);
    }
    this.addConversations(list);
  }

  /** `mine`: this tab sent the command that the message answers. */
  apply(message, { mine = false } = {}) {
    const result = { changed: new Set(), commands: [] };
    const handler = HANDLERS[message.type];
    if (handler) handler(this, message, result, mine);
    return result;
  }

  _putTurn(conversationId, given, changed) {
    const chat = this.chats.get(conversationId);
    const before = chat.turns.get(given.id);
    const generations = (given.generations ?? []).map((one) =>
      this._putGeneration(conversationId, one, changed));
    const all = [...new Set([...(before?.generations ?? []), ...generations])];
    chat.turns.set(given.id, { ...given, generations: byCreation(all) });
  }

  /** A snapshot never takes back what events have shown already, unless it says how it ended. */
  _putGeneration(conversationId, given, changed) {
    const before = this.generations.get(given.id);
    const fresh = fromSnapshot(given);
    let state = fresh;
    if (before && (before.seq > fresh.seq && !(isEnded(fresh) && !isEnded(before)))) state = before;
    else if (before) state = Object.assign(before, fresh);
    state.conversation = conversationId;
    state.place = this.places.get(given.id) ?? null;
    this.generations.set(given.id, state);
    this.gaps.delete(given.id);
    const waiting = this.orphans.get(given.id);
    if (waiting) {
      this.orphans.delete(given.id);
      for (const event of waiting) if (event.seq === state.seq + 1) applyEvent(state, event);
    }
    changed.add(`generation:${given.id}`);
    return state;
  }

  /** Events of a generation we have not been told of yet wait for it, within reason. */
  _holdOrphans(id, events) {
    const waiting = this.orphans.get(id) ?? [];
    waiting.push(...events);
    if (waiting.length <= MAX_ORPHANS) this.orphans.set(id, waiting);
    else this.orphans.delete(id);
  }
}

function applyHello(store, message, { changed }) {
  store.user = message.user ?? null;
  store.models = message.models ?? [];
  store.defaultModel = message.default_model ?? store.models[0]?.id ?? null;
  store.budgets = message.budgets ?? [];
  changed.add("hello");
}

/** A snapshot may come unasked, and may be older than what messages have told since: it adds. */
function applySnapshot(store, message, { changed }) {
  const { conversation, turns } = message;
  const chat = store.chats.get(conversation.id) ?? emptyChat();
  chat.loaded = true;
  chat.missing = false;
  store.chats.set(conversation.id, chat);
  for (const turn of turns) store._putTurn(conversation.id, turn, changed);
  mergeConversation(store, conversation, changed);
  changed.add(`chat:${conversation.id}`);
}

function applyTurnCreated(store, message, { changed }, mine) {
  const { conversation, turn, generation } = message;
  mergeConversation(store, conversation, changed);
  if (!store.chats.has(conversation.id)) {
    if (!mine) return; // Another tab's conversation: it is in the list, its turns are not loaded.
    const chat = emptyChat();
    chat.loaded = turn.follows === null || turn.follows === undefined;
    store.chats.set(conversation.id, chat);
  }
  const chat = store.chats.get(conversation.id);
  store._putTurn(conversation.id, turn, changed);
  if (mine) {
    chat.choices.set(turn.follows ?? "start", turn.id);
    if (generation) chat.choices.set(turn.id, generation);
  }
  changed.add(`chat:${conversation.id}`);
}

function applyEvents(store, message, { changed, commands }) {
  const state = store.generations.get(message.generation);
  if (!state) {
    store._holdOrphans(message.generation, message.events);
    return;
  }
  for (const event of message.events) {
    if (event.seq <= state.seq) continue;
    if (event.seq > state.seq + 1) {
      if (store.gaps.has(state.id)) return;
      store.gaps.add(state.id);
      commands.push(store.openCommand(state.conversation));
      return;
    }
    applyEvent(state, event);
    store.gaps.delete(state.id);
    changed.add(`generation:${state.id}`);
  }
}

/** Told of every generation of ours that waits, also before we are told of the generation itself. */
function applyPlace(store, { generation, reason, position, running }, { changed }) {
  const place = { reason, position, running };
  store.places.set(generation, place);
  const state = store.generations.get(generation);
  if (!state) return;
  state.place = place;
  changed.add(`generation:${generation}`);
}

function mergeConversation(store, conversation, changed) {
  if (store.deleted.has(conversation.id)) return; // said before it was deleted, come after
  const before = store.conversations.get(conversation.id);
  const merged = { ...before, ...conversation };
  merged.updated = merged.updated ?? merged.created ?? "";
  store.conversations.set(conversation.id, merged);
  changed.add("list");
}

const HANDLERS = {
  hello: applyHello,
  "conversation.snapshot": applySnapshot,
  "turn.created": applyTurnCreated,
  events: applyEvents,
  "generation.queued": applyPlace,
  "conversation.updated": (store, message, { changed }) => {
    mergeConversation(store, message.conversation, changed);
    changed.add(`title:${message.conversation.id}`);
  },
  "conversation.deleted": (store, message, { changed }) => {
    store.deleted.add(message.conversation);
    store.conversations.delete(message.conversation);
    store.chats.delete(message.conversation);
    changed.add("list").add(`deleted:${message.conversation}`);
  },
  "budget.warning": (store, message, { changed }) => changed.add("budgets"),
  "budget.updated": (store, message, { changed }) => {
    store.budgets = message.budgets ?? [];
    changed.add("budgets");
  },
};
