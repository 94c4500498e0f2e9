/** The chart's figures are the table's. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { JSDOM } from "jsdom";
import { daysBetween, figuresOf } from "../../static/js/usage/figures.js";

test("the days of a span, also over the end of a month and a change of the clock", () => {
  assert.deepEqual(daysBetween("2026-10-30", "2026-11-02"),
    ["2026-10-30", "2026-10-31", "2026-11-01", "2026-11-02"]);
  assert.equal(daysBetween("2026-01-01", "2026-12-31").length, 365);
});

test("each model is a series; a day that is not in the table is zero", () => {
  const { document } = new JSDOM(`<table>
    <thead><tr><th>Day</th><th>luna</th><th>sol</th><th>All</th></tr></thead>
    <tbody><tr data-day="2026-11-03"><th>3</th><td data-amount="0.25">$0.25</td><td data-amount="1.5">$1.50</td><td>$1.75</td></tr>
    <tr data-day="2026-11-01"><th>1</th><td data-amount="0">$0.00</td><td data-amount="2">$2.00</td><td>$2.00</td></tr></tbody>
  </table>`).window;
  assert.deepEqual(figuresOf(document.querySelector("table"), "2026-11-01", "2026-11-03"), {
    labels: ["1 Nov", "2 Nov", "3 Nov"],
    series: [{ model: "luna", amounts: [0, 0, 0.25] }, { model: "sol", amounts: [2, 0, 1.5] }],
  });
});
