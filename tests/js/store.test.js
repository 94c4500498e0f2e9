import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { answerText } from "../../static/js/events.js";
import { Store } from "../../static/js/store.js";

const EVENTS = JSON.parse(readFileSync(new URL("./streams.json", import.meta.url), "utf8")).text;
const TEXT = "# Hi\n\nA **bold** word, `code` and 😀.";
const CHAT = { id: "c1", title: "Hi", model: "m", created: "2026-01-01T00:00:00Z", updated: "2026-01-01T00:00:00Z" };
const queued = (id = "g1") => ({ id, status: "queued", items: [], text: "", cursor: 0, created: "1" });
const turn = (generations, id = "t1") => ({ id, text: "Hello", follows: null, created: "1", generations });

const created = (generations = [queued()], ref = "t1") => ({
  type: "turn.created", ref, conversation: CHAT, turn: turn(generations), generation: "g1",
});
const snapshot = (generations) => (
  { type: "conversation.snapshot", conversation: CHAT, turns: [turn(generations)] });
const events = (list, generation = "g1") => (
  { type: "events", generation, events: structuredClone(list) });

function opened() {
  const store = new Store();
  store.apply(snapshot([queued()]));
  return store;
}

const textOf = (store, id = "g1") => answerText(store.generations.get(id));

test("events in any batches give the whole text", () => {
  for (let size = 1; size <= EVENTS.length; size += 1) {
    const store = opened();
    for (let at = 0; at < EVENTS.length; at += size) store.apply(events(EVENTS.slice(at, at + size)));
    assert.equal(textOf(store), TEXT, `batches of ${size}`);
  }
});

test("events seen already are dropped", () => {
  const store = opened();
  store.apply(events(EVENTS));
  const { changed } = store.apply(events(EVENTS));
  assert.equal(changed.size, 0);
  assert.equal(textOf(store), TEXT);
});

test("an overlapping replay adds only what is new", () => {
  const store = opened();
  store.apply(events(EVENTS.slice(0, 10)));
  store.apply(events(EVENTS.slice(4)));
  assert.equal(textOf(store), TEXT);
});

test("a gap asks once for the events after the cursor and applies nothing out of order", () => {
  const store = opened();
  store.apply(events(EVENTS.slice(0, 6)));
  const { commands } = store.apply(events(EVENTS.slice(8, 10)));
  assert.deepEqual(commands, [{ type: "conversation.open", conversation: "c1", cursors: { g1: 6 } }]);
  assert.deepEqual(store.apply(events(EVENTS.slice(10, 12))).commands, []);
  assert.equal(store.generations.get("g1").seq, 6);
  store.apply(snapshot([{ ...queued(), status: "running" }]));
  store.apply(events(EVENTS.slice(6)));
  assert.equal(textOf(store), TEXT);
});

test("a gap that opens again after it was mended is asked for again", () => {
  const store = opened();
  for (const from of [0, 8]) {
    store.apply(events(EVENTS.slice(from, from + 4)));
    assert.equal(store.apply(events(EVENTS.slice(from + 6, from + 7))).commands.length, 1);
    store.apply(events(EVENTS.slice(from + 4, from + 8)));
  }
});

test("an older snapshot does not take back what events have shown", () => {
  const store = opened();
  store.apply(events(EVENTS.slice(0, 12)));
  const before = textOf(store);
  store.apply(snapshot([{ ...queued(), status: "running", cursor: 5 }]));
  assert.equal(textOf(store), before);
  store.apply(events(EVENTS.slice(12)));
  assert.equal(textOf(store), TEXT);
});

test("a snapshot that says how it ended is believed", () => {
  const store = opened();
  store.apply(events(EVENTS.slice(0, 12)));
  const folded = { ...queued(), status: "completed", cursor: EVENTS.length, text: TEXT, items: [] };
  store.apply(snapshot([folded]));
  assert.equal(textOf(store), TEXT);
  assert.equal(store.generations.get("g1").status, "completed");
});

test("a snapshot that comes unasked in mid-answer takes the place of what lacks, and nothing comes twice", () => {
  const whole = opened();
  for (let at = 0; at <= EVENTS.length; at += 1) {
    const store = opened();
    store.apply(events(EVENTS.slice(0, Math.floor(at / 2))));
    whole.apply(events(EVENTS.slice(at - 1, at)));
    const { items, status } = structuredClone(whole.generations.get("g1"));
    const now = snapshot([{ ...queued(), status, items, cursor: at }]);
    store.apply(now);
    store.apply(now);
    assert.equal(textOf(store), textOf(whole), `after ${at} events`);
    assert.deepEqual(store.apply(events(EVENTS.slice(at))).commands, []);
    assert.equal(textOf(store), TEXT, `from ${at} events on`);
  }
});

test("a snapshot that comes unasked keeps the branch the reader has chosen", () => {
  const store = opened();
  store.apply({ ...created([queued("g2")]), generation: "g2" }, { mine: true });
  store.choose("c1", "t1", "g1");
  store.apply(snapshot([queued(), queued("g2")]));
  assert.equal(store.chat("c1").choices.get("t1"), "g1");
});

test("a turn that is younger than the snapshot stays", () => {
  const store = opened();
  const second = { ...turn([queued("g2")], "t2"), follows: "g1" };
  store.apply({ ...created(), turn: second, generation: "g2" });
  store.apply(snapshot([queued()]));
  assert.deepEqual(store.turns("c1").map(({ id }) => id), ["t1", "t2"]);
});

test("turns and answers stand in the order they were made, whatever order they come in", () => {
  const store = opened();
  const [older, newer] = ["2", "3"].map((made) => (
    { ...turn([{ ...queued(`g${made}`), created: made }], `t${made}`), follows: "g1", created: made }));
  for (const one of [newer, older, newer]) store.apply({ ...created(), turn: one });
  assert.deepEqual(store.turns("c1").map(({ id }) => id), ["t1", "t2", "t3"]);
  const again = { ...queued("g9"), created: "9" };
  store.apply({ ...created([queued(), again]), generation: "g9" });
  store.apply(created([queued()]));
  assert.deepEqual(store.turns("c1")[0].generations.map(({ id }) => id), ["g1", "g9"]);
});

test("turn.created that comes late takes nothing back", () => {
  const store = opened();
  store.apply(events(EVENTS));
  store.choose("c1", "start", "t0");
  store.apply(created());
  assert.equal(textOf(store), TEXT);
  assert.equal(store.generations.get("g1").status, "completed");
  assert.equal(store.chat("c1").choices.get("start"), "t0");
});

test("what comes late of a deleted conversation does not bring it back", () => {
  const store = opened();
  store.apply({ type: "conversation.deleted", conversation: "c1" });
  store.apply(created());
  store.apply(snapshot([queued()]));
  store.apply({ type: "conversation.updated", conversation: CHAT });
  assert.deepEqual(store.list(), []);
});

test("an answer that is asked for again after its worker died is one answer", () => {
  const [started, ...rest] = EVENTS;
  assert.equal(started.type, "generation.started");
  const cut = rest.findIndex(({ type }) => type === "response.output_text.delta");
  const again = JSON.parse(JSON.stringify(rest).replaceAll("msg_1", "msg_2").replaceAll("resp_", "resp_2_"));
  for (let shown = 0; shown <= cut; shown += 1) {
    const log = [started, ...rest.slice(0, shown), started, ...again].map((event, at) => ({ ...event, seq: at + 1 }));
    const store = opened();
    store.apply(events(log));
    assert.equal(textOf(store), TEXT, `${shown} events before the second start`);
    assert.equal(store.generations.get("g1").status, "completed");
  }
});

test("cursors name the generations that are still open, at the last seq seen", () => {
  const store = opened();
  assert.deepEqual(store.openCommand("c1").cursors, {});
  store.apply(events(EVENTS.slice(0, 7)));
  assert.deepEqual(store.openCommand("c1").cursors, { g1: 7 });
  store.apply(events(EVENTS.slice(7)));
  assert.deepEqual(store.openCommand("c1").cursors, {});
});

test("events that come before their turn wait for it", () => {
  const store = new Store();
  store.apply(events(EVENTS));
  store.apply(created(), { mine: true });
  assert.equal(textOf(store), TEXT);
});

test("turn.created sent again changes nothing that is shown", () => {
  const store = new Store();
  store.apply(created(), { mine: true });
  store.apply(events(EVENTS));
  store.apply(created(), { mine: true });
  assert.equal(textOf(store), TEXT);
  assert.equal(store.turns("c1").length, 1);
});

test("a turn of another tab enters the list; its turns stay with the tabs that have it open", () => {
  const store = new Store();
  const { changed } = store.apply(created());
  assert.ok(changed.has("list"));
  assert.equal(store.chat("c1"), null);
});

test("another answer is added to its turn and chosen when this tab asked for it", () => {
  const store = opened();
  store.apply({ ...created([queued(), queued("g2")]), generation: "g2" }, { mine: true });
  assert.deepEqual(store.turns("c1")[0].generations.map(({ id }) => id), ["g1", "g2"]);
  assert.equal(store.chat("c1").choices.get("t1"), "g2");
});

test("the list is sorted by last use, renamed and shortened by messages", () => {
  const store = new Store();
  store.addConversations([{ ...CHAT, id: "a", updated: "2026-01-02" }, { ...CHAT, id: "b", updated: "2026-01-03" }]);
  assert.deepEqual(store.list().map(({ id }) => id), ["b", "a"]);
  store.apply({ type: "conversation.updated", conversation: { id: "a", title: "New", updated: "2026-01-04" } });
  assert.deepEqual(store.list().map(({ title }) => title), ["New", "Hi"]);
  store.apply({ type: "conversation.deleted", conversation: "b" });
  assert.deepEqual(store.list().map(({ id }) => id), ["a"]);
});

test("a fresh page of the list brings what is new, drops what is gone, keeps what is older or newer", () => {
  const store = new Store();
  const made = (id) => ({ ...CHAT, id, updated: `2026-01-0${id}` });
  store.addConversations([1, 2, 3, 4, 6].map(made));
  store.refreshConversations([5, 4, 2].map(made));
  assert.deepEqual(store.list().map(({ id }) => id), [6, 5, 4, 2, 1]);
  store.refreshConversations([]);
  assert.equal(store.list().length, 5);
});

test("a message of an unknown type is no concern", () => {
  assert.equal(new Store().apply({ type: "telepathy" }).changed.size, 0);
});
