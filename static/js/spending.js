/** Money in this tab: keeps the meter and the notices right, and answers what a refusal offers. */
import { warningWords } from "./budget-notices.js";
import {
  budgetOf, budgetWarnedOf, cheaperModel, current, hasMeter, isNear, mayTryAgain, nextReset,
  refusalWords, stillTrue,
} from "./budgets.js";
import { refusalCard } from "./error-words.js";

const LONGEST_TIMER_MS = 2 ** 31 - 1;

export class Spending {
  /**
   * `parts`: store, picker, meter, notices. `actions`: say(words), redraw() (a period began anew).
   * `env`: now and setTimeout, given by tests.
   */
  constructor(parts, actions, env = {}) {
    Object.assign(this, parts);
    this.actions = actions;
    this.env = { now: Date.now, setTimeout: (task, ms) => setTimeout(task, ms), ...env };
    this.warnings = [];
    this.dismissed = new Set();
    this.alarm = null;
  }

  get budgets() {
    return current(this.store.budgets, this.env.now());
  }

  /** `budget.warning`: said once, shown until dismissed or no longer true. */
  warned(warning) {
    const others = this.warnings.filter((one) => one.period !== warning.period || one.team !== warning.team);
    // A changed limit may be told of after the warning: it is judged by the next budgets.
    this.warnings = [...others, { ...warning, budgets: this.store.budgets }];
    const { title, words } = warningWords(warning, this.budgets, this.env.now());
    this.actions.say(`${title}. ${words}`);
  }

  dismiss(warning) {
    this.dismissed.add(warning);
  }

  /** What the chosen model's dearness suggests; null when it is the cheapest. */
  cheaper(model = this.picker.value) {
    return cheaperModel(this.store.models, model);
  }

  /** A refusal's card, with `again` (trying makes sense) and `cheaper` (a model to ask instead). */
  refusalOf({ command, error }) {
    const now = this.env.now();
    if (error.code !== "budget_exceeded") {
      return { ...refusalCard(error, now), again: !(error.retry_at > now), cheaper: null };
    }
    const { budgets } = this;
    const model = this.cheaper(command.model ?? this.picker.value);
    const left = budgetOf(error.period, budgets)?.remaining ?? 0;
    const fits = model && (Number(left) > 0 || Number(model.prices?.output ?? 0) === 0);
    return {
      ...refusalCard(error),
      ...refusalWords(error, budgets, now),
      tone: "calm",
      link: { href: "/usage/", words: "Your usage" },
      again: mayTryAgain(error, budgets, now),
      cheaper: fits ? model : null,
    };
  }

  /** A refusal with what was left when it came: more than that is worth another try. */
  noted(message) {
    if (message.code !== "budget_exceeded") return message;
    const budget = budgetOf(message.period, this.budgets);
    return budget ? { ...message, remaining: budget.remaining } : message;
  }

  /**
   * `entries`: unanswered turns; a refused one offers the cheapest model itself. `times`: when
   * refusals are over (ms since 1970).
   */
  draw(entries = [], times = []) {
    const { budgets } = this;
    const refused = entries.some(({ error }) => error?.code === "budget_exceeded");
    this.warnings = this.warnings.filter((warning) => this._holds(warning));
    const visible = hasMeter(budgets, this.store.models);
    const near = visible && isNear(budgets, this.warnings);
    this.meter.update(budgets, visible, this.warnings.length > 0);
    const shown = this.warnings.filter((warning) => !this.dismissed.has(warning));
    this.notices.update(shown, budgets, near && !refused ? this.cheaper() : null);
    this._wake(times);
  }

  _holds(warning) {
    const { budgets } = this.store;
    const about = budgetWarnedOf(warning, budgets);
    if (about && warning.resets_at === undefined) warning.resets_at = about.resets_at;
    return stillTrue(warning, budgets, this.env.now()) || (!about && warning.budgets === budgets);
  }

  /** Draws again when a period begins anew or a refusal is over: no message comes then. */
  _wake(times) {
    const now = this.env.now();
    const over = times.filter((at) => at > now);
    const moments = [nextReset(this.store.budgets, now), ...over].filter((at) => at !== null);
    const next = moments.length ? Math.min(...moments) : null;
    if (next === this.alarm) return;
    this.alarm = next;
    if (next === null) return;
    this.env.setTimeout(() => {
      if (this.alarm !== next) return;
      this.alarm = null;
      this.actions.redraw();
    }, Math.min(next - now + 50, LONGEST_TIMER_MS));
  }
}
