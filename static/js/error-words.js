/** What a person reads when something went wrong: a title, and what to do about it. Pure. */

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
  moderation_unavailable: "Moderation could not check this",
  rate_limited: "A little too fast",
  too_large: "The message is too long",
  not_found: "This is no longer here",
  bad_request: "This could not be sent",
};

const BY_STATUS = {
  failed: "The model could not answer",
  interrupted: "The answer was cut off",
  incomplete: "The answer is incomplete",
  blocked: "This was blocked by moderation",
};

/** What to do, by code, where the server's message can't know what this page offers. */
const ADVICE = {
  max_output_tokens: "Continue to let the model go on where it stopped.",
  upstream_disconnected: "What arrived is kept: continue from here, or ask again.",
  worker_lost: "What arrived is kept: continue from here, or ask again.",
};

/**
 * The card under an answer: `{title, message, advice, tone}`, or null when there is nothing to say.
 * `tone`: "calm" for endings that are nobody's fault, "problem" for the others.
 */
export function cardFor({ status, error, notice }) {
  if (notice) return { title: "Answer withdrawn", message: notice, advice: "", tone: "problem" };
  if (status === "stopped") {
    return { title: "Stopped", message: "You stopped this answer.", advice: "", tone: "calm" };
  }
  if (!(status in BY_STATUS)) return null;
  const title = TITLES[error?.code] ?? BY_STATUS[status];
  const advice = status === "failed" ? "" : ADVICE[error?.code] ?? "";
  const tone = status === "incomplete" ? "calm" : "problem";
  return { title, message: error?.message ?? "", advice, tone };
}

/** The card for a refused command. */
export function refusalCard(error) {
  const wait = error.retry_after ? `Try again in ${Math.ceil(error.retry_after)} s.` : "";
  return { title: TITLES[error.code] ?? OURS, message: error.message ?? "", advice: wait, tone: "problem" };
}

/** Which ways on an ended answer offers. */
export function waysOn({ status, error, notice }, hasText) {
  const cut = status === "stopped" || status === "interrupted" || status === "incomplete";
  const goOn = cut && hasText && !notice && error?.code !== "content_filter";
  const again = status === "failed" ? error?.retryable !== false || error?.code === "model_unavailable" : cut;
  return { goOn, again };
}
