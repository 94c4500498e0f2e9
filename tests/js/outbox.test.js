/** outbox.js and acks.js: what must arrive, and what is said of what was drawn. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { Acks } from "../../static/js/acks.js";
import { Outbox } from "../../static/js/outbox.js";
import { Clock, Memory } from "./fakes.js";

const TURN = { type: "turn.create", id: "t1", conversation: null, text: "Hi", follows: null };

test("an unanswered turn is sent again on every new connection until it is answered", () => {
  const sent = [];
  const outbox = new Outbox(new Memory(), (command) => sent.push(command));
  outbox.post(TURN);
  outbox.resend();
  outbox.resend();
  assert.deepEqual(sent, [TURN, TURN, TURN]);
  assert.equal(outbox.settle({ type: "turn.created", ref: "t1" }).command, TURN);
  outbox.resend();
  assert.equal(sent.length, 3);
});

test("a reload does not lose an unanswered turn", () => {
  const storage = new Memory();
  new Outbox(storage, () => false).post(TURN);
  const sent = [];
  const outbox = new Outbox(storage, (command) => sent.push(command));
  outbox.resend();
  assert.deepEqual(sent, [TURN]);
  assert.equal(outbox.turnsOf(null).length, 1);
});

test("a refused turn is kept with its reason, and sent again only on request", () => {
  const sent = [];
  const outbox = new Outbox(new Memory(), (command) => sent.push(command), () => 1_000);
  outbox.post(TURN);
  outbox.settle({ type: "error", ref: "t1", code: "rate_limited", message: "Slow.", retry_after: 3 });
  outbox.resend();
  assert.equal(sent.length, 1);
  const error = { code: "rate_limited", message: "Slow.", retry_after: 3, retry_at: 4_000 };
  assert.deepEqual(outbox.turnsOf(null)[0].error, error);
  assert.deepEqual(outbox.retryTimes(), [4_000]);
  outbox.retry("t1");
  assert.equal(sent.length, 2);
  assert.equal(outbox.turnsOf(null)[0].error, null);
});

test("answers to others' commands settle nothing", () => {
  const outbox = new Outbox(new Memory(), () => true);
  outbox.post(TURN);
  assert.equal(outbox.settle({ type: "turn.created", ref: "other" }), null);
  assert.equal(outbox.settle({ type: "error", ref: null, code: "bad_request" }), null);
  assert.equal(outbox.turnsOf(null).length, 1);
});

test("a stop is asked for again after a reconnect until the answer has ended", () => {
  const sent = [];
  const outbox = new Outbox(new Memory(), (command) => sent.push(command));
  outbox.stop("g1");
  outbox.resend();
  outbox.stopped("g1");
  outbox.resend();
  assert.deepEqual(sent, [1, 2].map(() => ({ type: "generation.stop", generation: "g1" })));
});

test("a storage with nonsense in it, or none, is no obstacle", (context) => {
  context.mock.method(console, "warn", () => {});
  for (const nonsense of ["{", "7", "[null, {}, {\"command\":{\"type\":\"ping\"}}]"]) {
    assert.equal(new Outbox(new Memory([["chatsite.outbox", nonsense]]), () => true).entries.size, 0);
  }
  const full = { getItem: () => null, setItem: () => { throw new Error("full"); } };
  const sent = [];
  new Outbox(full, (command) => sent.push(command)).post(TURN);
  assert.deepEqual(sent, [TURN]);
});

function acking() {
  const clock = new Clock();
  const sent = [];
  const acks = new Acks(({ generation, seq }) => sent.push([clock.now, generation, seq]),
    { now: () => clock.now, setTimeout: clock.set });
  return { acks, clock, sent };
}

test("acks go out at most every 500 ms, with the newest seq, and only for something new", () => {
  const { acks, clock, sent } = acking();
  for (let seq = 1; seq <= 100; seq += 1) {
    acks.drawn("g1", seq);
    clock.advance(10);
  }
  clock.advance(5_000);
  assert.deepEqual(sent, [[0, "g1", 1], [500, "g1", 50], [1000, "g1", 100]]);
  acks.drawn("g1", 100);
  clock.advance(5_000);
  assert.equal(sent.length, 3);
});

test("generations are acked each on its own", () => {
  const { acks, sent } = acking();
  acks.drawn("g1", 3);
  acks.drawn("g2", 8);
  assert.deepEqual(sent, [[0, "g1", 3], [0, "g2", 8]]);
});

test("a new connection is acked anew, and nothing of the old one goes out on it", () => {
  const { acks, clock, sent } = acking();
  acks.drawn("g1", 1);
  acks.drawn("g1", 2);
  acks.reset();
  clock.advance(1_000);
  assert.equal(sent.length, 1);
  acks.drawn("g1", 2);
  assert.deepEqual(sent.at(-1), [1000, "g1", 2]);
});
