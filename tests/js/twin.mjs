/**
 * Reads `[{name, events, snapshots}]` from standard input: `snapshots[k]` is the server's snapshot
 * after k events. Prints where the browser's state, begun from a snapshot and continued with the
 * events after it, differs from the server's last one; ends with 1 if it does anywhere.
 */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { answerText, applyEvent, fromSnapshot } from "../../static/js/events.js";

/** What is shown of a state. */
function shown(state) {
  const { status, model, instead_of, items, usage, cost, estimated, error, notice, retry, seq } = state;
  return { status, model, instead_of, items, usage, cost, estimated, error, notice, retry, seq, text: answerText(state) };
}

const problems = [];
for (const { name, events, snapshots } of JSON.parse(readFileSync(0, "utf8"))) {
  const wanted = shown(fromSnapshot(snapshots.at(-1)));
  snapshots.forEach((snapshot, k) => {
    const state = fromSnapshot(snapshot);
    for (const event of structuredClone(events.slice(k))) applyEvent(state, event);
    try {
      assert.deepEqual(shown(state), wanted);
    } catch (error) {
      problems.push(`${name}, from seq ${k}: ${error.message}`);
    }
  });
}
console.log(problems.join("\n"));
process.exitCode = problems.length ? 1 : 0;
