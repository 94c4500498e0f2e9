/** Amounts and moments in words. Pure. Amounts are for reading here; the server does the sums. */

const CENTS = new Intl.NumberFormat("en-US", { style: "currency", currency: "USD" });
const SMALL = new Intl.NumberFormat("en-US", {
  style: "currency", currency: "USD", minimumFractionDigits: 0, maximumSignificantDigits: 2,
});
const CLOCK = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit" });
const SECONDS = new Intl.DateTimeFormat("en-GB", { timeStyle: "medium" });
const DATE = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "long" });

/** "$12.50"; below ten cents with two digits that say something: "$0.0042". */
export function usd(amount) {
  const number = Number(amount);
  const small = number !== 0 && Math.abs(number) < 0.1;
  return (small ? SMALL : CENTS).format(number);
}

/** "at 14:00", "tomorrow at 00:00" or "on 1 December at 00:00", by this browser's clock. */
export function whenWords(iso, now = Date.now()) {
  const moment = new Date(iso);
  const clock = CLOCK.format(moment);
  const today = new Date(now);
  const tomorrow = new Date(today.getFullYear(), today.getMonth(), today.getDate() + 1);
  if (moment.toDateString() === today.toDateString()) return `at ${clock}`;
  if (moment.toDateString() === tomorrow.toDateString()) return `tomorrow at ${clock}`;
  return `on ${DATE.format(moment)} at ${clock}`;
}

/** As `whenWords`, to the second if it is within two minutes: "at 14:00:07". `moment`: ms since 1970. */
export function secondWords(moment, now = Date.now()) {
  return moment - now < 120_000 ? `at ${SECONDS.format(moment)}` : whenWords(moment, now);
}

export function count(number) {
  return Number(number).toLocaleString("en");
}
