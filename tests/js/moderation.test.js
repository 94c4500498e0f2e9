/** What a person reads of moderation, and what they can do then. */
import assert from "node:assert/strict";
import { test } from "node:test";

import { applyEvent, fromSnapshot } from "../../static/js/events.js";
import { cardFor, waysOn } from "../../static/js/error-words.js";

const BLOCKED = { code: "moderation_blocked", message: "This was withdrawn.", retryable: false };
const UNCHECKED = { code: "moderation_unavailable", message: "Not checked.", retryable: true };

test("a withdrawn answer, a refused question and an unchecked answer read differently", () => {
  const titles = [
    cardFor({ status: "blocked", error: BLOCKED, notice: "This was withdrawn." }),
    cardFor({ status: "blocked", error: BLOCKED, notice: null }),
    cardFor({ status: "blocked", error: UNCHECKED, notice: "Not checked." }),
  ].map(({ title }) => title);
  assert.deepEqual(titles, [
    "This answer was withdrawn",
    "Your question was not sent to the model",
    "This answer is not shown",
  ]);
  const unasked = cardFor({ status: "blocked", error: { ...UNCHECKED, message: "Your question…" }, notice: null });
  assert.deepEqual([unasked.title, unasked.message], ["Your question was not sent to the model", "Your question…"]);
});

test("what a reviewer gave back is no longer called blocked, and goes on", () => {
  const reviewed = { code: "moderation_reviewed", message: "Reviewed.", retryable: true };
  const cut = { status: "interrupted", error: reviewed, notice: null };
  assert.equal(cardFor(cut).title, "Given back after a review");
  assert.deepEqual(waysOn(cut, true), { goOn: true, again: true });
  const question = { status: "blocked", error: reviewed, notice: null };
  assert.equal(cardFor(question).title, "Your question may be asked now");
  assert.equal(waysOn(question, false).again, true);
});

test("text is being checked from the word of it until anything goes on", () => {
  const state = fromSnapshot({ id: "g", status: "running" });
  assert.equal(state.checking, false);
  const after = (type) => {
    applyEvent(state, { type, seq: state.seq + 1, delta: "Hi", items: [] });
    return state.checking;
  };
  assert.equal(after("moderation.checking"), true);
  assert.equal(after("moderation.checked"), true);
  assert.equal(after("response.output_text.delta"), false);
  for (const type of ["text.retracted", "generation.finished", "generation.retrying"]) {
    after("moderation.checking");
    assert.equal(after(type), false, type);
  }
  assert.equal(fromSnapshot({ id: "g", checking: true }).checking, true);
});

test("only what could not be checked is offered again", () => {
  assert.equal(waysOn({ status: "blocked", error: BLOCKED, notice: "x" }, false).again, false);
  assert.deepEqual(waysOn({ status: "blocked", error: UNCHECKED, notice: "x" }, false), { goOn: false, again: true });
});
