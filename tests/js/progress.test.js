/** What screen readers hear of an answer's way. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { ProgressWords } from "../../static/js/progress-words.js";

const RETRY = { attempt: 1, code: "upstream_rate_limited", until: "2026-01-01T00:00:00Z", delay_ms: 4000 };
const STATES = { completed: "idle", failed: "idle", stopped: "idle" };

/** What is said while an answer goes through `steps`: a status, or a whole leaf. */
function heard(...steps) {
  const words = [];
  const progress = new ProgressWords((said) => words.push(said));
  progress.update("c1", null, "idle");
  for (const step of steps) {
    const leaf = typeof step === "string" ? { id: "g1", status: step } : { id: "g1", ...step };
    progress.update("c1", leaf, STATES[leaf.status] ?? "running");
  }
  return words;
}

test("an answer's beginning and its end are said once", () => {
  assert.deepEqual(heard("queued", "running", "running", "completed", "completed"),
    ["The answer begins", "The answer is complete"]);
});

test("an answer that did not come to its end has ended", () => {
  for (const status of ["failed", "stopped"]) {
    assert.deepEqual(heard("running", status), ["The answer begins", "The answer has ended"]);
  }
});

test("an answer that was refused before it was drawn does not talk over the wait for the next attempt", () => {
  assert.deepEqual(heard("queued", { status: "running", retry: RETRY }), []);
  assert.deepEqual(heard("queued", { status: "running", retry: RETRY }, "running"), ["The answer begins"]);
});

test("a chat that is opened says nothing of what it holds", () => {
  const words = [];
  const progress = new ProgressWords((said) => words.push(said));
  progress.update("c1", null, "idle");
  progress.update("c2", { id: "g2", status: "running" }, "running");
  progress.update("c3", { id: "g3", status: "completed" }, "idle");
  assert.deepEqual(words, []);
});
