import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, test } from "node:test";
import { answerText, applyEvent, fromSnapshot, isEnded } from "../../static/js/events.js";

const STREAMS = JSON.parse(readFileSync(new URL("./streams.json", import.meta.url), "utf8"));
const FRESH = { id: "g1", status: "queued", items: [], text: "", cursor: 0, model: "test-model" };

/** What a snapshot would say of a state: the state less what only this tab knows. */
function toSnapshot(state) {
  const { id, status, model, instead_of, created, items, usage, cost, estimated, error, notice, seq } = state;
  return structuredClone(
    { id, status, model, instead_of, created, items, usage, cost, estimated, error, notice, cursor: seq });
}

function play(state, events) {
  for (const event of structuredClone(events)) applyEvent(state, event);
  return state;
}

function played(events) {
  return play(fromSnapshot(FRESH), events.map((event, at) => ({ seq: at + 1, ...event })));
}

describe("a snapshot and the events after it give the final snapshot, for every split", () => {
  for (const [name, events] of Object.entries(STREAMS)) {
    test(name, () => {
      const final = toSnapshot(played(events));
      assert.ok(isEnded(final), `the stream ends: ${final.status}`);
      for (let k = 0; k <= events.length; k += 1) {
        const before = toSnapshot(played(events.slice(0, k)));
        const after = play(fromSnapshot(before), events.slice(k));
        assert.deepEqual(toSnapshot(after), final, `split after seq ${k}`);
      }
    });
  }
});

test("joined deltas give the same as single ones", () => {
  const joined = [];
  for (const event of structuredClone(STREAMS.text)) {
    const last = joined.at(-1);
    if (last?.type.endsWith(".delta") && last.type === event.type) last.delta += event.delta;
    else joined.push(event);
  }
  assert.ok(joined.length < STREAMS.text.length);
  assert.equal(answerText(played(joined)), answerText(played(STREAMS.text)));
});

test("the text of a plain answer is what its deltas say", () => {
  assert.equal(answerText(played(STREAMS.text)), "# Hi\n\nA **bold** word, `code` and 😀.");
});

test("a server that numbers nothing and begins twice gives one message", () => {
  const state = played(STREAMS.bare);
  assert.equal(state.items.length, 1);
  assert.equal(answerText(state), "Hello there, twice begun.");
});

test("deltas without any item before them make one", () => {
  const delta = (text) => ({ type: "response.output_text.delta", delta: text });
  const state = played([{ type: "response.created", response: {} }, delta("Hel"), delta("lo")]);
  assert.equal(answerText(state), "Hello");
});

test("a second round appends to the first though its output_index begins at 0 again", () => {
  const state = played(STREAMS["two rounds"]);
  assert.deepEqual(state.items.map(({ type }) => type), ["function_call", "message"]);
  assert.equal(answerText(state), "It is 4.");
  assert.deepEqual(state.items[0].tool, { status: "done", output: "4" });
});

test("a second round without ids does not write into the first", () => {
  const round = (id, text) => [
    { type: "response.created", response: { id } },
    { type: "response.output_item.added", output_index: 0, item: { type: "message" } },
    { type: "response.output_text.delta", output_index: 0, delta: text },
  ];
  const state = played([...round("r1", "one"), ...round("r2", "two")]);
  assert.deepEqual(state.items.map(({ content }) => content[0].text), ["one", "two"]);
});

test("a retraction drops all text, and text that comes after it too", () => {
  const late = { type: "response.output_text.done", item_id: "msg", text: "something bad" };
  const state = played([...STREAMS.text.slice(0, 9), { type: "text.retracted", notice: "Withdrawn." }, late]);
  assert.equal(answerText(state), "");
  assert.equal(state.notice, "Withdrawn.");
  assert.deepEqual(state.items, []);
});

test("a replay in which text was removed keeps counting", () => {
  const state = played([{ type: "generation.started", model: "m" }, { type: "text.removed" },
    { type: "text.removed" }, { type: "text.retracted", notice: "Withdrawn." }]);
  assert.equal(state.seq, 4);
  assert.deepEqual(state.items, []);
});

test("unknown types and events with fields missing change nothing and never throw", () => {
  const types = new Set(Object.values(STREAMS).flat().map(({ type }) => type));
  const bare = [...types].filter((type) => !type.startsWith("generation.")).map((type) => ({ type }));
  const state = played([{ type: "response.telepathy.delta", delta: "x" }, ...bare, { type: "constructor" }]);
  assert.equal(state.seq, bare.length + 2);
  assert.equal(state.status, "running");
});

test("a retry is shown until upstream speaks, and is forgotten then", () => {
  const retrying = { type: "generation.retrying", attempt: 2, delay_ms: 100, code: "upstream_unavailable" };
  assert.equal(played([retrying]).retry.attempt, 2);
  assert.equal(played([retrying, { type: "response.created", response: { id: "r" } }]).retry, null);
});

test("annotations arrive one by one", () => {
  const note = { type: "url_citation", url: "https://example.com/", title: "Example" };
  const at = { output_index: 0, content_index: 0, item_id: "m" };
  const state = played([
    { type: "response.output_item.added", output_index: 0, item: { type: "message", id: "m", content: [] } },
    { type: "response.content_part.added", ...at, part: { type: "output_text", text: "" } },
    { type: "response.output_text.delta", ...at, delta: "Here." },
    { type: "response.output_text.annotation.added", ...at, annotation_index: 0, annotation: note },
    { type: "response.output_text.done", ...at, text: "Here." },
  ]);
  assert.deepEqual(state.items[0].content[0].annotations, [note]);
});

test("a snapshot that only has text is shown as a message", () => {
  const state = fromSnapshot({ ...FRESH, status: "completed", text: "Old answer.", cursor: 9 });
  assert.equal(answerText(state), "Old answer.");
});
