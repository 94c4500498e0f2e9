/** What somebody reads whose answer waits for a place. Pure. */

const SUFFIXES = { one: "st", two: "nd", few: "rd", other: "th" };
const ORDER = new Intl.PluralRules("en", { type: "ordinal" });

/** "1st", "2nd", "113th". */
export function ordinal(number) {
  return `${number}${SUFFIXES[ORDER.select(number)]}`;
}

/** `place`: the server's `reason` ("user": their own answers, "site": everybody's), `position`, `running`. */
export function placeWords({ reason, position, running }) {
  if (reason !== "user") return `Waiting for a free place: ${ordinal(position)} in line`;
  const others = `You have ${running} ${running === 1 ? "answer" : "answers"} running`;
  return `${others}; this one ${position === 1 ? "comes next" : `is ${ordinal(position)} in line`}`;
}
