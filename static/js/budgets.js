/**
 * What budgets mean to the person who writes: how near a limit is, what to offer then. Pure.
 *
 * A budget is the server's: `period`, `limit`, `spent`, `reserved`, `remaining`, `resets_at` (null:
 * never), `soft` (it only warns) and `team` (a name, when a team shares it). `current` adds `renewed`.
 */
import { usd, whenWords } from "./money.js";

const NEAR = 0.8; // share of a limit that is used
const LIMITS = { hour: "this hour’s", day: "today’s", month: "this month’s", total: "the total" };
const NAMES = { hour: "This hour", day: "Today", month: "This month", total: "In total" };
const RATES = { hour: " an hour", day: " a day", month: " a month", total: " in total" };

/** The share that is spent or held, 0 to 1 and more; a limit of nothing is always used up. */
export function usedShare({ limit, spent, reserved }) {
  return Number(limit) > 0 ? (Number(spent) + Number(reserved ?? 0)) / Number(limit) : 1;
}

/** "83 %"; only what is used up entirely says 100. */
export function percent(share) {
  return `${Math.floor(Math.min(Math.max(share, 0), 1) * 100 + 1e-9)} %`;
}

/** Budgets as they stand now: of one that started anew since the server spoke nothing is spent. */
export function current(budgets, now = Date.now()) {
  return budgets.map((budget) => {
    if (!budget.resets_at || Date.parse(budget.resets_at) > now) return budget;
    const remaining = Number(budget.limit) - Number(budget.reserved ?? 0);
    return { ...budget, spent: "0", remaining: String(remaining), resets_at: null, renewed: true };
  });
}

/** The budget of which the largest share is used, of equals the one that leaves less; or null. */
export function tightest(budgets) {
  const order = (a, b) => usedShare(b) - usedShare(a) || Number(a.remaining) - Number(b.remaining);
  return [...budgets].sort(order)[0] ?? null;
}

/** The budget of a period that refuses, of several (a team's too) the one that leaves least; or null. */
export function budgetOf(period, budgets) {
  const ofPeriod = budgets.filter((budget) => budget.period === period && !budget.soft);
  return ofPeriod.sort((a, b) => Number(a.remaining) - Number(b.remaining))[0] ?? null;
}

/** When the next budget starts anew, in ms since 1970; null when none will. */
export function nextReset(budgets, now = Date.now()) {
  const moments = budgets.map(({ resets_at: at }) => (at ? Date.parse(at) : 0));
  const coming = moments.filter((moment) => moment > now);
  return coming.length ? Math.min(...coming) : null;
}

const isFree = ({ prices }) => !prices || (Number(prices.input) === 0 && Number(prices.output) === 0);

/** Whether there is anything to meter: a limit, and a model that costs or something spent. */
export function hasMeter(budgets, models) {
  const spent = budgets.some((budget) => Number(budget.spent) + Number(budget.reserved ?? 0) > 0);
  return budgets.length > 0 && (spent || models.some((model) => !isFree(model)));
}

/** The cheapest offered model (by input + output, as the server chooses its default), if the
 * chosen one is dearer; else null. */
export function cheaperModel(models, chosenId) {
  const price = (model) => (isFree(model) ? 0 : Number(model.prices.input) + Number(model.prices.output));
  const chosen = models.find(({ id }) => id === chosenId);
  const [cheapest] = [...models].sort((a, b) => price(a) - price(b));
  return chosen && price(cheapest) < price(chosen) ? cheapest : null;
}

/** The budget that a warning is about; null once its limit was changed. */
export function budgetWarnedOf(warning, budgets) {
  const about = ({ period, limit, team }) => period === warning.period
    && Number(limit) === Number(warning.limit) && (team ?? null) === (warning.team ?? null);
  return budgets.find(about) ?? null;
}

/** A warning holds until its limit was changed or its period, up to `resets_at`, is over. */
export function stillTrue(warning, budgets, now = Date.now()) {
  const budget = budgetWarnedOf(warning, budgets);
  const until = warning.resets_at;
  const moment = (iso) => (iso ? Date.parse(iso) : null);
  return budget !== null && moment(budget.resets_at) === moment(until) && !(until && moment(until) <= now);
}

/** Whether a limit is near: a warning holds, or less than a fifth of one remains. */
export function isNear(budgets, warnings) {
  return warnings.length > 0 || budgets.some((budget) => usedShare(budget) > NEAR);
}

/** "Today", "Team Research, this month". */
export function nameOf({ period, team }) {
  const name = NAMES[period] ?? period;
  return team ? `Team ${team}, ${name.toLowerCase()}` : name;
}

/** "today’s limit", "this month’s limit of team Research". */
export function limitWords({ period, team }) {
  return `${LIMITS[period] ?? "the"} limit${team ? ` of team ${team}` : ""}`;
}

/** "Starts anew tomorrow at 00:00." */
export function resetWords({ resets_at: at, renewed, soft }, now = Date.now()) {
  if (soft) return `Only warns. ${resetWords({ resets_at: at, renewed }, now)}`;
  if (renewed) return "Has just started anew.";
  return at ? `Starts anew ${whenWords(at, now)}.` : "Does not start anew by itself.";
}

/** Whether a refused question may be asked again: its period is over, or more is left than then. */
export function mayTryAgain(error, budgets, now = Date.now()) {
  if (error.code !== "budget_exceeded") return true;
  if (error.resets_at && Date.parse(error.resets_at) <= now) return true;
  const budget = budgetOf(error.period, budgets);
  return !budget || Number(budget.remaining) > Number(error.remaining ?? Infinity);
}

/** What a refusal says: `{title, message, advice}`. */
export function refusalWords(error, budgets, now = Date.now()) {
  const budget = budgetOf(error.period, budgets) ?? { period: error.period };
  const limit = budget.limit ? `${usd(budget.limit)}${RATES[error.period] ?? ""}` : "";
  const whose = budget.team ? `Team ${budget.team} can spend` : "You can spend";
  const title = `${capital(limitWords(budget))} is reached`;
  const kept = "Your text is kept.";
  if (mayTryAgain(error, budgets, now)) {
    return { title, message: "There is room again now.", advice: kept };
  }
  const again = error.resets_at
    ? `The limit starts anew ${whenWords(error.resets_at, now)}.`
    : "It does not start anew by itself: ask who runs this site to raise it.";
  return { title, message: [limit ? `${whose} ${limit}.` : "", again].filter(Boolean).join(" "), advice: kept };
}

export function capital(words) {
  return words.charAt(0).toUpperCase() + words.slice(1);
}
