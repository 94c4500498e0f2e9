import assert from "node:assert/strict";
import { test } from "node:test";
import { refusalCard } from "../../static/js/error-words.js";
import { standInWords } from "../../static/js/stand-in.js";

const MODELS = [{ id: "a", label: "Luna" }, { id: "b", label: "Sol" }];
const STOOD_IN = { status: "completed", model: "b", instead_of: "a" };

test("an answer of another model says whose place it took", () => {
  assert.equal(standInWords(STOOD_IN, true, MODELS), "Sol answered, Luna was not reachable");
  assert.equal(standInWords({ ...STOOD_IN, status: "running" }, false, MODELS), "Sol answers, Luna is not reachable");
  assert.equal(standInWords({ ...STOOD_IN, status: "failed" }, false, MODELS), "Sol was asked, Luna was not reachable");
});

test("a model without a label goes by its id", () => {
  assert.equal(standInWords(STOOD_IN, true, []), "b answered, a was not reachable");
});

test("an answer of the chosen model says nothing of others", () => {
  assert.equal(standInWords({ ...STOOD_IN, instead_of: null }, true, MODELS), "");
});

test("a refusal names the moment to try again, not a number of seconds that stands still", () => {
  const told = refusalCard({ code: "upstream_unavailable", message: "Out. Try again in 9 s.", retry_at: 9_000 }, 0);
  assert.equal(told.message, "Out.");
  assert.match(told.advice, /^You can try again at /);
  const over = refusalCard({ code: "rate_limited", message: "Too fast.", retry_at: 9_000 }, 10_000);
  assert.equal(over.advice, "You can try again now.");
});
