/** What a person reads when something went wrong: a title, and what to do about it. Pure. */

import { secondWords } from "./money.js";

const OURS = "Something went wrong";

/** Title by error code; the server's own message follows it. */
const TITLES = {
  max_output_tokens: "The answer reached its length limit",
  content_filter: "The answer was cut by the model's content filter",
  budget_exhausted: "The answer stopped at your spending limit",
  budget_exceeded: "Your spending limit is reached",
  upstream_unavailable: "The model can't be reached",
  upstream_rate_limited: "The model is busy",
  upstream_quota: "The site's account with the model provider has run out",
  upstream_auth: "The site's key was refused by the model provider",
  upstream_rejected: "The model did not accept this request",
  upstream_failed: "The model reported a failure",
  upstream_disconnected: "The answer was cut off",
  upstream_stalled: "The model stopped answering",
  upstream_invalid: "The model sent something unreadable",
  model_unavailable: "This model is not available",
  tool_rounds_exceeded: "The answer used too many tool steps",
  worker_lost: "The answer was cut off",
  moderation_blocked: "This was blocked by moderation",
  moderation_unavailable: "This answer is not shown",
  moderation_reviewed: "Given back after a review",
  rate_limited: "A little too fast",
  too_large: "The message is too long",
  not_found: "This is no longer here",
  bad_request: "This could not be sent",
};

/** Where the kind of a failure says more than its code. */
const KIND_TITLES = {
  overloaded: "The model is busy",
  circuit_open: "The model has failed several times",
  prompt_refused: "The model refuses this text",
  failed_prompt: "The model refuses this text",
  failed_policy: "The model refuses this text",
  context_too_long: "This is too long for the model",
  failed_context: "This is too long for the model",
  too_large: "This is too long for the model",
  too_slow: "The answer took too long",
};

/** The same while it is tried again: there is no answer yet that could be cut off. */
const RETRY_TITLES = {
  upstream_disconnected: "The model stopped answering",
  worker_lost: "The answer was interrupted",
};

function titleOf({ kind, code }) {
  return KIND_TITLES[kind] ?? TITLES[code];
}
const MAY_BE_ASKED = "Your question may be asked now";
const NOT_SENT = "Your question was not sent to the model";

const BY_STATUS = {
  failed: "The model could not answer",
  interrupted: "The answer was cut off",
  incomplete: "The answer is incomplete",
  blocked: NOT_SENT,
};

const USAGE = { href: "/usage/", words: "Your usage" };
const LINKS = { budget_exhausted: USAGE, budget_exceeded: USAGE };

/** What to do, by code, where the server's message can't know what this page offers. */
const ADVICE = {
  budget_exhausted: "What was written is kept: continue when there is room again.",
  max_output_tokens: "Continue to let the model go on where it stopped.",
  upstream_disconnected: "What arrived is kept: continue from here, or ask again.",
  worker_lost: "What arrived is kept: continue from here, or ask again.",
};

/**
 * The card under an answer: `{title, message, advice, tone, link}`, or null when there is nothing to say.
 * `tone`: "calm" for endings that are nobody's fault, "problem" for the others.
 */
export function cardFor({ status, error, notice }) {
  if (notice) {
    const unchecked = error?.code === "moderation_unavailable";
    const title = unchecked ? TITLES.moderation_unavailable : "This answer was withdrawn";
    return { title, message: notice, advice: "", tone: "calm", link: null };
  }
  if (status === "stopped") {
    return { title: "Stopped", message: "You stopped this answer.", advice: "", tone: "calm" };
  }
  if (!(status in BY_STATUS)) return null;
  if (status === "blocked") {
    // No answer was withdrawn: it was the question.
    const title = error?.code === "moderation_reviewed" ? MAY_BE_ASKED : NOT_SENT;
    return { title, message: error?.message ?? "", advice: "", tone: "calm", link: null };
  }
  const title = titleOf(error ?? {}) ?? BY_STATUS[status];
  const advice = status === "failed" ? "" : ADVICE[error?.code] ?? "";
  const tone = status === "incomplete" || status === "interrupted" ? "calm" : "problem";
  return { title, message: error?.message ?? "", advice, tone, link: LINKS[error?.code] ?? null };
}

/** What is shown while a failed attempt waits for the next one, `seconds` before it. */
export function retryWords(retry, seconds) {
  const title = RETRY_TITLES[retry.code] ?? titleOf(retry) ?? "The model did not answer";
  return `${title}. Trying again ${seconds > 0 ? `in ${seconds} s` : "now"}`;
}

/** The card for a refused command; `now`: ms since 1970. */
export function refusalCard(error, now = Date.now()) {
  const moment = error.retry_at > now ? secondWords(error.retry_at, now) : "now";
  const wait = error.retry_at ? `You can try again ${moment}.` : "";
  // The time stands still there, and may be over when somebody reads it.
  const message = (error.message ?? "").replace(/ ?Try again in \d+ s\./, "");
  return { title: TITLES[error.code] ?? OURS, message, advice: wait, tone: error.retry_at ? "calm" : "problem" };
}

/** Which ways on an ended answer offers. */
export function waysOn({ status, error, notice }, hasText) {
  const cut = status === "stopped" || status === "interrupted" || status === "incomplete";
  const goOn = cut && hasText && !notice && error?.code !== "content_filter";
  const blocked = status === "blocked" && error?.retryable === true;
  const again = status === "failed" ? error?.retryable !== false || error?.code === "model_unavailable" : cut || blocked;
  return { goOn, again };
}
