/** What is shown while a failed attempt waits for the next one. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { retryWords } from "../../static/js/error-words.js";
import { RetryCountdown } from "../../static/js/retry-countdown.js";

const NOON = Date.parse("2026-01-01T12:00:00Z");

function countdown(begin = NOON) {
  const node = { textContent: "" };
  const said = [];
  const clock = { time: begin, timer: null };
  const env = {
    now: () => clock.time,
    later: (run, wait) => (clock.timer = { run, at: clock.time + wait }),
    never: () => (clock.timer = null),
  };
  const pass = (ms) => {
    const end = clock.time + ms;
    while (clock.timer && clock.timer.at <= end) {
      const { run, at } = clock.timer;
      clock.timer = null;
      clock.time = at;
      run();
    }
    clock.time = end;
  };
  return { node, said, clock, pass, view: new RetryCountdown(node, (words) => said.push(words), env) };
}

function retry(more = {}) {
  const until = new Date(NOON + 3_500).toISOString();
  return { attempt: 2, code: "upstream_rate_limited", kind: "rate_limited", delay_ms: 3_500, until, ...more };
}

test("it counts down second by second, is spoken once, and is gone when upstream answers", () => {
  const { node, said, view, pass } = countdown();
  view.update(retry());
  assert.equal(node.textContent, "The model is busy. Trying again in 4 s");
  pass(600);
  view.update(retry());
  assert.equal(node.textContent, "The model is busy. Trying again in 3 s");
  pass(2_000);
  assert.equal(node.textContent, "The model is busy. Trying again in 1 s");
  pass(1_000);
  assert.equal(node.textContent, "The model is busy. Trying again now");
  assert.deepEqual(said, ["The model is busy. Trying again in 4 s"]);
  view.update(null);
  assert.equal(node.textContent, "");
});

test("who joins in the waiting time sees what is left of it", () => {
  const { node, view } = countdown(NOON + 1_600);
  view.update(retry());
  assert.equal(node.textContent, "The model is busy. Trying again in 2 s");
});

test("a wrong clock never makes the wait longer than it is", () => {
  const { node, view } = countdown(NOON - 86_400_000);
  view.update(retry());
  assert.equal(node.textContent, "The model is busy. Trying again in 4 s");
});

test("a wait that is over at once is not spoken", () => {
  const { said, view } = countdown();
  view.update(retry({ delay_ms: 200 }));
  assert.deepEqual(said, []);
});

test("an answer that comes in the waiting time ends the count", () => {
  const { node, clock, view } = countdown();
  view.update(retry());
  view.update(null);
  assert.equal(clock.timer, null);
  assert.equal(node.textContent, "");
});

test("busy, out of reach and fallen silent are told apart", () => {
  const words = (code, kind) => retryWords({ code, kind }, 4);
  assert.equal(words("upstream_rate_limited", "rate_limited"), "The model is busy. Trying again in 4 s");
  assert.equal(words("upstream_unavailable", "overloaded"), "The model is busy. Trying again in 4 s");
  assert.equal(words("upstream_unavailable", "dns"), "The model can't be reached. Trying again in 4 s");
  assert.equal(words("upstream_stalled", "silence"), "The model stopped answering. Trying again in 4 s");
  assert.equal(words("worker_lost", "worker_lost"), "The answer was interrupted. Trying again in 4 s");
});
