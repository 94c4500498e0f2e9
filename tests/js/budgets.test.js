/** budgets.js, money.js and what is said near a limit. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { warningWords } from "../../static/js/budget-notices.js";
import {
  budgetOf, cheaperModel, current, hasMeter, isNear, mayTryAgain, nameOf, nextReset, percent,
  refusalWords, resetWords, stillTrue, tightest, usedShare,
} from "../../static/js/budgets.js";
import { costRows, metaWords } from "../../static/js/cost-tip.js";
import { cardFor } from "../../static/js/error-words.js";
import { usd, whenWords } from "../../static/js/money.js";

const NOON = new Date(2026, 10, 21, 12).getTime();
const MIDNIGHT = new Date(2026, 10, 22).toISOString();
const DECEMBER = new Date(2026, 11, 1).toISOString();
const budget = (more = {}) => ({
  period: "day", limit: "1.00", spent: "0.5", reserved: "0", remaining: "0.5", resets_at: MIDNIGHT, ...more,
});
const month = (more = {}) => budget({
  period: "month", limit: "20", spent: "4", remaining: "16", resets_at: DECEMBER, ...more,
});
const LUNA = { id: "luna", label: "Luna", prices: { input: "0.1", output: "0.4" } };
const SOL = { id: "sol", label: "Sol", prices: { input: "2", output: "8" } };
const LOCAL = { id: "local", label: "Local", prices: { input: "0", output: "0" } };

test("amounts have two decimals, small ones two digits that say something", () => {
  const words = { 0: "$0.00", 12.5: "$12.50", 1234.5: "$1,234.50", 0.1: "$0.10", 0.05: "$0.05",
    0.0134: "$0.013", 0.0042: "$0.0042", 0.0000000001: "$0.0000000001", "-0.5": "-$0.50" };
  for (const [amount, text] of Object.entries(words)) assert.equal(usd(amount), text);
});

test("moments are named by the day they are on", () => {
  assert.equal(whenWords(new Date(2026, 10, 21, 14).toISOString(), NOON), "at 14:00");
  assert.equal(whenWords(MIDNIGHT, NOON), "tomorrow at 00:00");
  assert.equal(whenWords(DECEMBER, NOON), "on 1 December at 00:00");
});

test("what is held counts as used, and only a limit that is used up says 100 %", () => {
  assert.equal(usedShare(budget({ spent: "0.5", reserved: "0.25" })), 0.75);
  assert.equal(percent(0.999), "99 %");
  assert.equal(percent(0.29), "29 %");
  assert.equal(percent(1.2), "100 %");
  assert.equal(usedShare(budget({ limit: "0", spent: "0" })), 1);
});

test("the tightest budget is the one with the largest share used", () => {
  assert.equal(tightest([budget(), month()]).period, "day");
  assert.equal(tightest([budget(), month({ spent: "18" })]).period, "month");
  assert.equal(tightest([]), null);
});

test("of several budgets of a period the one that leaves least is meant", () => {
  const team = budget({ team: "Research", remaining: "0.1" });
  assert.equal(budgetOf("day", [budget(), team]).team, "Research");
  assert.equal(budgetOf("hour", [budget()]), null);
});

test("of a period that is over nothing is spent, what is held stays held", () => {
  const [day, total] = current(
    [budget({ spent: "0.9", reserved: "0.05" }), budget({ period: "total", resets_at: null })],
    Date.parse(MIDNIGHT));
  assert.deepEqual([day.spent, day.reserved, day.remaining], ["0", "0.05", "0.95"]);
  assert.match(resetWords(day), /started anew/u);
  assert.equal(total.spent, "0.5");
});

test("the meter is shown with a limit and something that costs, else not", () => {
  assert.equal(hasMeter([budget({ spent: "0" })], [SOL]), true);
  assert.equal(hasMeter([], [SOL]), false);
  assert.equal(hasMeter([budget({ spent: "0" })], [LOCAL, { id: "x", prices: null }]), false);
  assert.equal(hasMeter([budget({ spent: "0.01" })], [LOCAL]), true);
});

test("the cheapest model is offered only if the chosen one is dearer", () => {
  assert.equal(cheaperModel([SOL, LUNA], "sol"), LUNA);
  assert.equal(cheaperModel([SOL, LUNA], "luna"), null);
  assert.equal(cheaperModel([SOL, LUNA, LOCAL], "luna"), LOCAL);
  assert.equal(cheaperModel([SOL], "gone"), null);
  assert.equal(cheaperModel([], null), null);
});

test("a limit is near with a warning or when less than a fifth is left", () => {
  assert.equal(isNear([budget({ spent: "0.8" })], []), false);
  assert.equal(isNear([budget({ spent: "0.81" })], []), true);
  assert.equal(isNear([budget()], [{}]), true);
});

test("a warning holds until the limit changes or the period ends", () => {
  const warning = { period: "day", limit: "1", spent: "0.8", resets_at: MIDNIGHT };
  assert.equal(stillTrue(warning, [budget()], NOON), true);
  assert.equal(stillTrue(warning, [budget({ limit: "2" })], NOON), false);
  assert.equal(stillTrue(warning, [budget()], Date.parse(MIDNIGHT)), false);
  assert.equal(stillTrue(warning, [budget({ resets_at: DECEMBER })], NOON), false);
});

test("a warning says how much, of what, and when it starts anew", () => {
  const warning = { period: "day", limit: "1", spent: "0.81", share: "0.81" };
  assert.deepEqual(warningWords(warning, [budget()], NOON), {
    title: "81 % of today’s limit is used", words: "$0.81 of $1.00. It starts anew tomorrow at 00:00.",
  });
  const total = warningWords({ ...warning, period: "total" }, [], NOON);
  assert.match(total.words, /does not start anew/u);
});

test("a refusal names the limit and when it starts anew, and promises the text", () => {
  const error = { code: "budget_exceeded", period: "month", resets_at: DECEMBER, remaining: "0.001" };
  const { title, message, advice } = refusalWords(error, [month({ remaining: "0.001" })], NOON);
  assert.equal(title, "This month’s limit is reached");
  assert.equal(message, "You can spend $20.00 a month. The limit starts anew on 1 December at 00:00.");
  assert.match(advice, /kept/u);
  const total = refusalWords({ ...error, period: "total", resets_at: null }, [month({ period: "total", remaining: "0" })], NOON);
  assert.match(total.message, /in total\. It does not start anew by itself/u);
  const team = refusalWords(error, [month({ team: "Research", remaining: "0" })], NOON);
  assert.match(`${team.title} ${team.message}`, /of team Research.*Team Research can spend/u);
});

test("trying again makes sense once the period is over or more is left", () => {
  const error = { code: "budget_exceeded", period: "day", resets_at: MIDNIGHT, remaining: "0.01" };
  const left = (remaining) => [budget({ remaining })];
  assert.equal(mayTryAgain(error, left("0.01"), NOON), false);
  assert.equal(mayTryAgain(error, left("0.01"), Date.parse(MIDNIGHT)), true);
  assert.equal(mayTryAgain(error, left("0.50"), NOON), true);
  assert.equal(mayTryAgain(error, [], NOON), true);
  assert.equal(mayTryAgain({ code: "rate_limited" }, left("0"), NOON), true);
  assert.match(refusalWords(error, left("0.50"), NOON).message, /room again/u);
});

test("a limit that only warns refuses nothing and says so", () => {
  const soft = budget({ soft: true, remaining: "0" });
  assert.equal(budgetOf("day", [soft]), null);
  assert.equal(budgetOf("day", [soft, budget({ limit: "3" })]).limit, "3");
  assert.match(resetWords(soft, NOON), /^Only warns\. Starts anew tomorrow/u);
});

test("a warning about a team's limit is not about one's own", () => {
  const warning = { period: "day", limit: "1", spent: "0.8", resets_at: MIDNIGHT, team: "Research" };
  assert.equal(stillTrue(warning, [budget()], NOON), false);
  assert.equal(stillTrue(warning, [budget({ team: "Research" })], NOON), true);
  assert.match(warningWords(warning, [], NOON).title, /of team Research is used/u);
});

test("the next moment that a budget starts anew is the earliest to come", () => {
  assert.equal(nextReset([month(), budget()], NOON), Date.parse(MIDNIGHT));
  assert.equal(nextReset([budget()], Date.parse(MIDNIGHT)), null);
  assert.equal(nextReset([budget({ resets_at: null })], NOON), null);
});

test("budgets are named, a team's as such", () => {
  assert.equal(nameOf(budget()), "Today");
  assert.equal(nameOf(month({ team: "Research" })), "Team Research, this month");
  assert.match(resetWords(budget({ resets_at: null }), NOON), /does not start anew/iu);
});

test("a cost is told with its tokens, and marked when it is estimated", () => {
  const usage = {
    input_tokens: 1234, output_tokens: 56,
    input_tokens_details: { cached_tokens: 1000, cache_write_tokens: 0 },
    output_tokens_details: { reasoning_tokens: 40 },
  };
  assert.deepEqual(costRows({ cost: "0.0042", usage, estimated: false }), [
    ["Cost", "$0.0042"], ["Input tokens", "1,234"], ["of these cached", "1,000"],
    ["Output tokens", "56"], ["of these reasoning", "40"],
  ]);
  const estimated = costRows({ cost: "0.0042", usage, estimated: true });
  assert.deepEqual(estimated[0], ["Cost", "≈ $0.0042"]);
  assert.equal(estimated.at(-1)[0], "Estimated");
  assert.deepEqual(costRows({ cost: null, usage: null }), []);
  assert.equal(metaWords({ model: "luna", cost: "12.5", estimated: true }, [LUNA]), "Luna · ≈ $12.50");
  assert.equal(metaWords({ model: "local", cost: "0" }, [LOCAL]), "Local");
});

test("an answer that a limit cut or refused says so and leads to the usage page", () => {
  const cut = cardFor({ status: "incomplete", error: { code: "budget_exhausted", message: "…" } });
  assert.match(cut.title, /spending limit/u);
  assert.match(cut.advice, /kept/u);
  const refused = cardFor({ status: "failed", error: { code: "budget_exceeded", message: "…" } });
  assert.match(refused.title, /spending limit is reached/u);
  for (const { link } of [cut, refused]) assert.equal(link.href, "/usage/");
  assert.equal(cardFor({ status: "failed", error: { code: "upstream_auth" } }).link, null);
});
