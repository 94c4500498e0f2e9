/** Small pure rules: what may be sent, what Enter means, who follows, words for errors. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { cardFor, refusalCard, waysOn } from "../../static/js/error-words.js";
import { newId } from "../../static/js/ids.js";
import { chosenModel, priceWords } from "../../static/js/models.js";
import { conversationAt, pathOf } from "../../static/js/router.js";
import { follows } from "../../static/js/scroll.js";
import {
  countChars, Drafts, lengthNote, refusal, sendsText, wellFormed,
} from "../../static/js/text-rules.js";
import { storedTheme } from "../../static/js/theme.js";

const enter = (more = {}) => ({ key: "Enter", isComposing: false, ...more });

test("Enter sends; Shift+Enter, Alt+Enter and an input method's Enter do not", () => {
  assert.equal(sendsText(enter()), true);
  assert.equal(sendsText(enter({ shiftKey: true })), false);
  assert.equal(sendsText(enter({ altKey: true })), false);
  assert.equal(sendsText(enter({ isComposing: true })), false);
  assert.equal(sendsText(enter({ keyCode: 229 })), false);
  assert.equal(sendsText({ key: "a" }), false);
});

test("text is refused when empty or over 100,000 characters, in words that name the limit", () => {
  assert.equal(refusal("Hello"), null);
  assert.match(refusal(" \n\t"), /first/u);
  assert.equal(refusal("x".repeat(100_000)), null);
  assert.match(refusal("x".repeat(100_001)), /100,001.*100,000/u);
});

test("characters are counted as the server counts them: an emoji is one", () => {
  assert.equal(countChars("😀".repeat(60_000)), 60_000);
  assert.equal(refusal("😀".repeat(60_000)), null);
  assert.match(refusal("😀".repeat(100_001)), /100,001/u);
});

test("text that no frame can carry is refused, instead of closing each new line for ever", () => {
  assert.equal(refusal("é".repeat(100_000)), null);
  assert.equal(refusal("中".repeat(87_000)), null);
  assert.match(refusal("中".repeat(90_000)), /270,002 bytes.*261,120/u);
  assert.match(refusal("😀".repeat(100_000)), /400,002 bytes/u);
  assert.match(refusal("\u0001".repeat(50_000)), /300,002 bytes/u);
});

test("half an emoji becomes a mark that the server can read; whole ones stay", () => {
  assert.equal(wellFormed("a\ud83d b\ude00 😀"), "a\ufffd b\ufffd 😀");
});

test("the count appears near the limit only", () => {
  assert.equal(lengthNote("x".repeat(1000)), "");
  assert.match(lengthNote("x".repeat(95_000)), /95,000 of 100,000/u);
});

test("each conversation has its own draft, and an emptied one leaves nothing behind", () => {
  const map = new Map();
  const drafts = new Drafts({
    getItem: (key) => map.get(key) ?? null, setItem: (key, value) => map.set(key, value),
    removeItem: (key) => map.delete(key),
  });
  drafts.save(null, "new");
  drafts.save("c1", "old");
  assert.equal(drafts.load(null), "new");
  assert.equal(drafts.load("c1"), "old");
  drafts.save("c1", "");
  assert.equal(drafts.load("c1"), "");
  assert.equal(map.size, 1);
});

test("a reader at the end follows; one who scrolls up does not until they are back", () => {
  assert.equal(follows({ before: 500, top: 500, distance: 0, was: false }), true);
  assert.equal(follows({ before: 500, top: 490, distance: 10, was: true }), false);
  assert.equal(follows({ before: 300, top: 400, distance: 300, was: false }), false);
  assert.equal(follows({ before: 300, top: 400, distance: 20, was: false }), true);
  assert.equal(follows({ before: 300, top: 300, distance: 600, was: true }), true, "content grew");
});

test("addresses lead to conversations and back", () => {
  const id = "0f8fad5b-d9cb-469f-a165-70867728950e";
  assert.equal(conversationAt("/"), null);
  assert.equal(conversationAt(`/c/${id}/`), id);
  assert.equal(conversationAt("/accounts/email/"), undefined);
  assert.equal(conversationAt(pathOf(id)), id);
  assert.equal(conversationAt(pathOf(null)), null);
});

test("the first offered wish is the chosen model", () => {
  const models = [{ id: "a" }, { id: "b" }];
  assert.equal(chosenModel(models, [undefined, "gone", "b", "a"]), "b");
  assert.equal(chosenModel(models, []), "a");
  assert.equal(chosenModel([], ["a"]), null);
});

test("prices are worded; free and unknown ones are not", () => {
  assert.equal(priceWords({ input: "0.25", output: "2" }), "$0.25 in, $2.00 out for a million tokens");
  assert.equal(priceWords({ input: "0", output: "0" }), "");
  assert.equal(priceWords(null), "");
});

test("every way an answer can end badly has a card, and the good ways have none", () => {
  assert.equal(cardFor({ status: "completed", error: null }), null);
  assert.equal(cardFor({ status: "running", error: null }), null);
  for (const status of ["incomplete", "stopped", "failed", "blocked", "interrupted"]) {
    assert.ok(cardFor({ status, error: null }).title, status);
    assert.ok(cardFor({ status, error: { code: "never_heard_of", message: "x" } }).title, status);
  }
  assert.equal(cardFor({ status: "completed", notice: "Withdrawn." }).message, "Withdrawn.");
});

test("an answer that was cut offers to go on; one without text only another try", () => {
  assert.deepEqual(waysOn({ status: "interrupted", error: {} }, true), { goOn: true, again: true });
  assert.deepEqual(waysOn({ status: "stopped", error: null }, false), { goOn: false, again: true });
  assert.deepEqual(waysOn({ status: "completed", error: null }, true), { goOn: false, again: false });
  assert.equal(waysOn({ status: "failed", error: { retryable: false, code: "upstream_auth" } }, false).again, false);
});

test("a refusal keeps the server's words and says when to try again", () => {
  const now = new Date(2026, 10, 21, 12).getTime();
  const refused = { code: "rate_limited", message: "20 a minute.", retry_after: 42, retry_at: now + 42_000 };
  const card = refusalCard(refused, now);
  assert.equal(card.message, "20 a minute.");
  assert.equal(card.advice, "You can try again at 12:00:42.");
  assert.equal(refusalCard(refused, now + 42_000).advice, "You can try again now.");
  assert.equal(refusalCard({ ...refused, retry_at: now + 600_000 }, now).advice, "You can try again at 12:10.");
  assert.equal(refusalCard({ code: "bad_request", message: "No." }, now).advice, "");
});

test("ids are UUIDs of version 4, with and without a secure context", () => {
  const shape = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/u;
  assert.match(newId(), shape);
  Object.defineProperty(globalThis.crypto, "randomUUID", { value: undefined, configurable: true });
  assert.match(newId(), shape);
  assert.notEqual(newId(), newId());
});

test("a theme that is none, or a storage that refuses, means the system's", () => {
  assert.equal(storedTheme({ getItem: () => "dark" }), "dark");
  assert.equal(storedTheme({ getItem: () => "pink" }), "system");
  assert.equal(storedTheme({ getItem: () => { throw new Error("no"); } }), "system");
});
