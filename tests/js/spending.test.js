/** spending.js: which warnings are shown, what a refusal offers, and the moment a period ends. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { Outbox } from "../../static/js/outbox.js";
import { Spending } from "../../static/js/spending.js";
import { Store } from "../../static/js/store.js";
import { Clock, Memory } from "./fakes.js";

const BEGIN = Date.UTC(2026, 10, 21, 12);
const END = BEGIN + 3_600_000;
const models = [
  { id: "luna", label: "Luna", prices: { input: "0.1", output: "0.4" } },
  { id: "sol", label: "Sol", prices: { input: "2", output: "8" } },
];
const day = (more = {}) => ({
  period: "day", limit: "1", spent: "0.5", reserved: "0", remaining: "0.5",
  resets_at: new Date(END).toISOString(), ...more,
});
const WARNING = { type: "budget.warning", period: "day", limit: "1.00", spent: "0.8", share: "0.8" };

function spending(budgets, model = "sol") {
  const clock = new Clock();
  const store = new Store();
  store.apply({ type: "hello", models, budgets });
  const seen = { said: [] };
  const parts = {
    store,
    picker: { value: model },
    meter: { update: (list, visible) => Object.assign(seen, { list, visible }) },
    notices: { update: (warnings, _budgets, offer) => Object.assign(seen, { warnings, offer }) },
  };
  const actions = { say: (words) => seen.said.push(words), redraw: () => it.draw() };
  const env = { now: () => BEGIN + clock.now, setTimeout: clock.set };
  const it = new Spending(parts, actions, env);
  const update = (...list) => {
    store.apply({ type: "budget.updated", budgets: list });
    it.draw();
  };
  it.draw();
  return { it, seen, update, clock, store };
}

test("a warning is said once and shown until it is dismissed", () => {
  const { it, seen, update } = spending([day({ spent: "0.8" })]);
  it.warned(WARNING);
  it.draw();
  assert.equal(seen.warnings.length, 1);
  it.dismiss(seen.warnings[0]);
  it.draw();
  update(day({ spent: "0.85" }));
  assert.deepEqual(seen.warnings, []);
  assert.equal(seen.offer.id, "luna");
  assert.equal(seen.said.length, 1);
});

test("a warning goes when the limit was raised, and a new one for that limit comes", () => {
  const { it, seen, update } = spending([day({ spent: "0.8" })]);
  it.warned(WARNING);
  it.draw();
  update(day({ limit: "2", spent: "0.8" }));
  assert.deepEqual(seen.warnings, []);
  it.warned({ ...WARNING, limit: "2", spent: "1.7" });
  update(day({ limit: "2", spent: "1.7" }));
  assert.equal(seen.warnings.length, 1);
});

test("a warning about a limit that was just changed waits for the budgets that tell of it", () => {
  const { it, seen, update } = spending([day()]);
  it.warned({ ...WARNING, limit: "0.5", spent: "0.45" });
  it.draw();
  assert.equal(seen.warnings.length, 1);
  update(day({ limit: "0.5", spent: "0.45" }));
  assert.equal(seen.warnings.length, 1);
  update(day());
  assert.deepEqual(seen.warnings, []);
});

test("when the period ends the warning goes and the meter starts anew, with no word from the server", () => {
  const { it, seen, clock } = spending([day({ spent: "0.9" })]);
  it.warned(WARNING);
  it.draw();
  assert.equal(seen.list[0].spent, "0.9");
  clock.advance(END - BEGIN + 1_000);
  assert.deepEqual(seen.warnings, []);
  assert.equal(seen.list[0].spent, "0");
  assert.equal(seen.offer, null);
});

test("while a refused question offers the cheapest model itself, nothing else does", () => {
  const { it, seen } = spending([day({ spent: "0.9" })]);
  it.draw([{ command: {}, error: { code: "budget_exceeded" } }]);
  assert.equal(seen.offer, null);
});

test("far from every limit nothing is offered, nor to who uses the cheapest", () => {
  assert.equal(spending([day()]).seen.offer, null);
  assert.equal(spending([day({ spent: "0.9" })]).seen.offer.id, "luna");
  assert.equal(spending([day({ spent: "0.9" })], "luna").seen.offer, null);
});

test("without budgets there is no meter", () => {
  assert.equal(spending([]).seen.visible, false);
  assert.equal(spending([day()]).seen.visible, true);
});

function refused(budgets) {
  const { it, ...more } = spending(budgets);
  const sent = [];
  const outbox = new Outbox(new Memory(), (command) => sent.push(command));
  outbox.post({ type: "turn.create", id: "t1", conversation: null, text: "Hi", model: "sol" });
  const message = { type: "error", ref: "t1", code: "budget_exceeded", message: "No.", period: "day", resets_at: budgets[0].resets_at };
  const entry = outbox.settle(it.noted(message));
  return { it, entry, outbox, sent, ...more };
}

test("a refused turn keeps its text, offers the cheapest model, and no vain second try", () => {
  const { it, entry } = refused([day({ spent: "0.99", remaining: "0.01" })]);
  const { again, cheaper, link } = it.refusalOf(entry);
  assert.deepEqual([again, cheaper.id, link.href], [false, "luna", "/usage/"]);
  assert.equal(entry.command.text, "Hi");
});

test("when nothing at all is left another model is no help", () => {
  const { it, entry } = refused([day({ spent: "1", remaining: "0" })]);
  assert.equal(it.refusalOf(entry).cheaper, null);
});

test("a second try is offered when the period is over or the limit was raised", () => {
  const late = refused([day({ spent: "1", remaining: "0" })]);
  late.clock.advance(END - BEGIN + 1_000);
  assert.equal(late.it.refusalOf(late.entry).again, true);
  const raised = refused([day({ spent: "1", remaining: "0" })]);
  raised.update(day({ limit: "3", spent: "1", remaining: "2" }));
  assert.equal(raised.it.refusalOf(raised.entry).again, true);
});

test("a turn can be sent again to another model under the same id", () => {
  const { outbox, sent } = refused([day({ spent: "0.99", remaining: "0.01" })]);
  outbox.retry("t1", { model: "luna" });
  assert.deepEqual([sent[1].id, sent[1].model, sent[1].text], ["t1", "luna", "Hi"]);
});

test("other refusals can always be tried again", () => {
  const { it } = spending([day()]);
  const entry = { command: { model: "sol" }, error: { code: "rate_limited", message: "Slow." } };
  assert.deepEqual([it.refusalOf(entry).again, it.refusalOf(entry).cheaper], [true, null]);
});

test("a refusal for a while offers another try when it is over, and not before", () => {
  const { it, clock, seen } = spending([]);
  const entry = {
    command: { type: "turn.create" },
    error: { code: "rate_limited", message: "20 a minute.", retry_after: 30, retry_at: BEGIN + 30_000 },
  };
  let drawn = 0;
  it.actions.redraw = () => { drawn += 1; };
  it.draw([entry], [entry.error.retry_at]);
  assert.equal(it.refusalOf(entry).again, false);
  clock.advance(29_000);
  assert.equal(drawn, 0);
  clock.advance(2_000);
  assert.equal(drawn, 1);
  assert.equal(it.refusalOf(entry).again, true);
  assert.match(it.refusalOf(entry).advice, /again now/u);
  assert.deepEqual(seen.said, []);
});
