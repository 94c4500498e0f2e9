/** What a tab knows and says of an answer that waits for a place. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { ordinal, placeWords } from "../../static/js/place-words.js";
import { Store } from "../../static/js/store.js";

const CHAT = { id: "c1", title: "Hi", model: "m", created: "1", updated: "1" };
const generation = (status = "queued") => ({ id: "g1", status, items: [], text: "", cursor: 0, created: "1" });
const turn = (status) => ({ id: "t1", text: "Hi", follows: null, created: "1", generations: [generation(status)] });
const snapshot = (status) => ({ type: "conversation.snapshot", conversation: CHAT, turns: [turn(status)] });
const place = (position, more = {}) => ({
  type: "generation.queued", generation: "g1", reason: "site", position, running: 0, ...more,
});
const placeIn = (store) => store.generations.get("g1").place?.position;

test("places are numbered as people say them", () => {
  const words = { 1: "1st", 2: "2nd", 3: "3rd", 4: "4th", 11: "11th", 12: "12th", 13: "13th", 21: "21st",
    102: "102nd", 113: "113th" };
  for (const [number, text] of Object.entries(words)) assert.equal(ordinal(Number(number)), text);
});

test("it says why an answer waits", () => {
  assert.equal(placeWords(place(3)), "Waiting for a free place: 3rd in line");
  const own = { reason: "user", running: 4 };
  assert.equal(placeWords(place(1, own)), "You have 4 answers running; this one comes next");
  assert.equal(placeWords(place(2, own)), "You have 4 answers running; this one is 2nd in line");
  assert.equal(placeWords(place(1, { ...own, running: 1 })), "You have 1 answer running; this one comes next");
});

test("the newest place counts, and is drawn", () => {
  const store = new Store();
  store.apply(snapshot());
  assert.deepEqual([...store.apply(place(2)).changed], ["generation:g1"]);
  store.apply(place(1));
  assert.equal(placeIn(store), 1);
});

test("a place that is told of before its answer is kept for it", () => {
  const store = new Store();
  assert.equal(store.apply(place(2)).changed.size, 0);
  store.apply(snapshot());
  assert.equal(placeIn(store), 2);
});

test("another snapshot does not take the place away", () => {
  const store = new Store();
  store.apply(snapshot());
  store.apply(place(2));
  store.apply(snapshot());
  assert.equal(placeIn(store), 2);
});
