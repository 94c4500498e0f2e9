/** What the chart shows, taken from the table that everybody can read. No chart library. */

const DAY_MS = 86_400_000;
const DATE = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short", timeZone: "UTC" });

/** Every day from `first` to `last` ("2026-11-01"), both included. Pure. */
export function daysBetween(first, last) {
  const days = [];
  for (let at = Date.parse(first); at <= Date.parse(last); at += DAY_MS) {
    days.push(new Date(at).toISOString().slice(0, 10));
  }
  return days;
}

export function dayLabel(day) {
  return DATE.format(new Date(day));
}

/** `{labels, series}` of the table; days that are not in it are 0. */
export function figuresOf(table, first, last) {
  const days = daysBetween(first, last);
  const rows = new Map([...table.tBodies[0].rows].map((row) => [row.dataset.day, row]));
  const models = [...table.tHead.rows[0].cells].slice(1, -1).map((cell) => cell.textContent);
  const amountOf = (day, at) => Number(rows.get(day)?.cells[at + 1].dataset.amount ?? 0);
  const series = models.map((model, at) => ({ model, amounts: days.map((day) => amountOf(day, at)) }));
  return { labels: days.map(dayLabel), series };
}
