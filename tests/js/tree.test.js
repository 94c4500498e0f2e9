import assert from "node:assert/strict";
import { test } from "node:test";
import { choicesTo, leafOf, shownBranch } from "../../static/js/tree.js";

const generation = (id, created) => ({ id, created });
const turn = (id, follows, ...generations) => ({ id, follows, generations });
const shown = (turns, choices) =>
  shownBranch(turns, choices).map((step) => [step.turn.id, step.generation?.id ?? null]);

// t1 has two answers; g1 goes on with t2, g2 with t3, whose edited form is t4.
const TREE = [
  turn("t1", null, generation("g1", "01"), generation("g2", "03")),
  turn("t2", "g1", generation("g3", "02")),
  turn("t3", "g2", generation("g4", "04")),
  turn("t4", "g2", generation("g5", "05")),
];

test("nothing is shown of an empty conversation", () => {
  assert.deepEqual(shown([]), []);
  assert.equal(leafOf(shownBranch([])), null);
});

test("the branch on which something happened last is shown", () => {
  assert.deepEqual(shown(TREE), [["t1", "g2"], ["t4", "g5"]]);
});

test("a regenerated older turn is shown with its new answer as the end", () => {
  const turns = [turn("t1", null, generation("g1", "01"), generation("g9", "09")), ...TREE.slice(1)];
  assert.deepEqual(shown(turns), [["t1", "g9"]]);
});

test("a chosen answer shows the branch that follows it", () => {
  assert.deepEqual(shown(TREE, new Map([["t1", "g1"]])), [["t1", "g1"], ["t2", "g3"]]);
});

test("a chosen version of a turn is shown", () => {
  assert.deepEqual(shown(TREE, new Map([["g2", "t3"]])), [["t1", "g2"], ["t3", "g4"]]);
});

test("an edited first turn is a version of the first", () => {
  const turns = [turn("a", null, generation("g1", "1")), turn("b", null, generation("g2", "2"))];
  const [step] = shownBranch(turns, new Map([["start", "a"]]));
  assert.deepEqual(step.versions.map(({ id }) => id), ["a", "b"]);
  assert.equal(step.turn.id, "a");
});

test("a choice that no longer exists falls back to the newest", () => {
  assert.deepEqual(shown(TREE, new Map([["t1", "gone"], ["g2", "gone"]])), [["t1", "g2"], ["t4", "g5"]]);
});

test("choicesTo leads to any generation", () => {
  for (const id of ["g1", "g2", "g3", "g4", "g5"]) {
    const branch = shown(TREE, choicesTo(TREE, id));
    assert.ok(branch.some(([, shownId]) => shownId === id), id);
  }
});

test("a turn without an answer ends the branch", () => {
  assert.deepEqual(shown([turn("t1", null)]), [["t1", null]]);
});

test("a cycle in bad data ends", () => {
  const turns = [turn("t1", null, generation("g1", "1")), turn("t2", "g1", generation("g1", "2"))];
  assert.ok(shown(turns).length <= 2);
});
