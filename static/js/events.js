/**
 * One generation's state, and what each event does to it. Pure: no DOM, no clock.
 *
 * State: `{id, status, model, instead_of, created, items, usage, cost, estimated, error, notice, retry, checking,
 * seq}` plus `place` (where it waits, while it is queued; the store's) and `base` and `response` (where the
 * present round begins; unknown after a snapshot).
 * `seq` is the last event applied; the caller sees to the order (store.js).
 */
import { withLists } from "./output-items.js";
import { applyResponseEvent } from "./response-events.js";

export const ENDED = new Set(["completed", "incomplete", "stopped", "failed", "blocked", "interrupted"]);

export function isEnded(state) {
  return ENDED.has(state.status);
}

/** The state that a snapshot's generation object stands for. */
export function fromSnapshot(given) {
  const items = structuredClone(given.items ?? []).map(withLists);
  const state = {
    id: given.id,
    status: given.status ?? "queued",
    model: given.model ?? null,
    instead_of: given.instead_of ?? null,
    created: given.created ?? null,
    items,
    usage: given.usage ?? null,
    cost: given.cost ?? null,
    estimated: given.estimated ?? false,
    error: given.error ?? null,
    notice: given.notice ?? null,
    retry: given.retry ?? null,
    checking: given.checking ?? false,
    seq: given.cursor ?? 0,
    base: items.length || given.cursor ? null : 0,
    response: null,
  };
  if (!items.length && given.text && !state.notice) {
    const part = { type: "output_text", text: given.text, annotations: [] };
    state.items.push({ type: "message", content: [part] });
  }
  return state;
}

/** Which model answers, and (`instead_of`) which one was chosen when that can't be reached. */
function speaks(state, event) {
  state.model = event.model;
  state.instead_of = event.instead_of ?? null;
}

const OURS = {
  "generation.started": (state, event) => {
    if (!isEnded(state)) state.status = "running";
    if (event.model) speaks(state, event);
  },
  "generation.retrying": (state, event) => {
    if (event.model) speaks(state, event);
    const { attempt, code, kind = null, until = null, delay_ms } = event;
    state.retry = event.model ? null : { attempt, code, kind, until, delay_ms };
    // Begun by the attempt before, and nothing of it shown.
    state.items = [];
    state.base = 0;
    state.response = null;
  },
  "generation.tool": (state, event) => {
    const tool = { status: event.status, output: event.output ?? null };
    for (const item of state.items) if (item.call_id === event.call_id) item.tool = tool;
  },
  "moderation.checking": (state) => {
    state.checking = true;
  },
  "text.retracted": (state, event) => {
    state.items = [];
    state.notice = event.notice || "This answer was withdrawn.";
  },
  "generation.finished": (state, event) => {
    state.status = event.status;
    state.usage = event.usage ?? null;
    state.cost = event.cost ?? null;
    state.estimated = event.estimated ?? false;
    state.error = event.error ?? null;
    state.retry = null;
  },
};

/**
 * Apply one event in place. Whatever its type, the state's `seq` moves on: types that nobody knows
 * (`moderation.checked` and `text.removed` too) change nothing that is shown.
 */
export function applyEvent(state, event) {
  state.seq = event.seq;
  if (typeof event.type !== "string") return;
  // Whatever was held back: something goes on.
  if (event.type !== "moderation.checked") state.checking = false;
  if (Object.hasOwn(OURS, event.type)) {
    OURS[event.type](state, event);
    return;
  }
  if (!event.type.startsWith("response.")) return;
  state.retry = null;
  if (state.status === "queued") state.status = "running";
  // After a retraction nothing that carries text may come back.
  if (state.notice === null) applyResponseEvent(state, event);
}

/** The answer's own words: what "Copy" copies. Reasoning and tool steps are not part of it. */
export function answerText(state) {
  const texts = [];
  for (const item of state.items) {
    if (item.type !== "message") continue;
    for (const part of item.content) texts.push(part.text ?? part.refusal ?? "");
  }
  return texts.filter(Boolean).join("\n\n");
}
