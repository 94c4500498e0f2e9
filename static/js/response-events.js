/**
 * What each of the upstream's `response.*` events does to the output items of a generation: a table
 * of event types. A type that no row knows changes nothing.
 */
import { itemFor, partFor, putItem, putPart, replaceText, textPart } from "./output-items.js";

// Builders of handlers: each returns (state, event) => void.
const partDelta = (type, list, fresh, field) => (state, event) => {
  const item = itemFor(state, event, type);
  const parts = item[list] ?? (item[list] = []);
  const part = partFor(parts, event.content_index ?? event.summary_index, fresh());
  part[field] = (part[field] ?? "") + (event.delta ?? "");
};
const partDone = (type, list, fresh, field) => (state, event) => {
  const item = itemFor(state, event, type);
  const parts = item[list] ?? (item[list] = []);
  const part = partFor(parts, event.content_index ?? event.summary_index, fresh());
  replaceText(part, field, event[field]);
};
const fieldDelta = (type, field) => (state, event) => {
  const item = itemFor(state, event, type);
  item[field] = (item[field] ?? "") + (event.delta ?? "");
};
const fieldDone = (type, field) => (state, event) => {
  replaceText(itemFor(state, event, type), field, event[field]);
};
const setStatus = (type) => (state, event) => {
  itemFor(state, event, type).status = event.type.slice(event.type.lastIndexOf(".") + 1);
};

const refusalPart = () => ({ type: "refusal", refusal: "" });
const summaryPart = () => ({ type: "summary_text", text: "" });
const reasoningPart = () => ({ type: "reasoning_text", text: "" });

function addAnnotation(state, event) {
  if (!event.annotation) return;
  const part = partFor(itemFor(state, event, "message").content, event.content_index, textPart());
  part.annotations = [...(part.annotations ?? []), event.annotation];
}

/** The commands of a shell call, or the outputs of one: `command_index` says which. */
function shellPart(state, event, type, list, fresh) {
  const item = itemFor(state, event, type);
  return partFor(item[list] ?? (item[list] = []), event.command_index, fresh);
}

function shellCommand(state, event) {
  const fresh = { type: "command", command: "" };
  const part = shellPart(state, event, "shell_call", "commands", fresh);
  if (event.type.endsWith(".delta")) part.command += event.delta ?? "";
  else replaceText(part, "command", event.command);
}

function shellOutput(state, event) {
  if (Array.isArray(event.output)) {
    itemFor(state, event, "shell_call_output").output = event.output;
    return;
  }
  const part = shellPart(state, event, "shell_call_output", "output", { type: "output" });
  for (const [name, text] of Object.entries(event.delta ?? {})) {
    part[name] = (part[name] ?? "") + (text ?? "");
  }
}

function partialImage(state, event) {
  const item = itemFor(state, event, "image_generation_call");
  item.partial_image_b64 = event.partial_image_b64;
}

function contentPart(state, event) {
  const type = event.part?.type === "reasoning_text" ? "reasoning" : "message";
  putPart(state, event, "content", type);
}

const TABLE = {
  "response.output_item.added": putItem,
  "response.output_item.done": putItem,
  "response.content_part.added": contentPart,
  "response.content_part.done": contentPart,
  "response.output_text.delta": partDelta("message", "content", textPart, "text"),
  "response.output_text.done": partDone("message", "content", textPart, "text"),
  "response.output_text.annotation.added": addAnnotation,
  "response.refusal.delta": partDelta("message", "content", refusalPart, "refusal"),
  "response.refusal.done": partDone("message", "content", refusalPart, "refusal"),
  "response.reasoning_summary_part.added": (s, e) => putPart(s, e, "summary", "reasoning"),
  "response.reasoning_summary_part.done": (s, e) => putPart(s, e, "summary", "reasoning"),
  "response.reasoning_summary_text.delta": partDelta("reasoning", "summary", summaryPart, "text"),
  "response.reasoning_summary_text.done": partDone("reasoning", "summary", summaryPart, "text"),
  "response.reasoning_text.delta": partDelta("reasoning", "content", reasoningPart, "text"),
  "response.reasoning_text.done": partDone("reasoning", "content", reasoningPart, "text"),
  "response.function_call_arguments.delta": fieldDelta("function_call", "arguments"),
  "response.function_call_arguments.done": fieldDone("function_call", "arguments"),
  "response.mcp_call_arguments.delta": fieldDelta("mcp_call", "arguments"),
  "response.mcp_call_arguments.done": fieldDone("mcp_call", "arguments"),
  "response.custom_tool_call_input.delta": fieldDelta("custom_tool_call", "input"),
  "response.custom_tool_call_input.done": fieldDone("custom_tool_call", "input"),
  "response.code_interpreter_call_code.delta": fieldDelta("code_interpreter_call", "code"),
  "response.code_interpreter_call_code.done": fieldDone("code_interpreter_call", "code"),
  "response.image_generation_call.partial_image": partialImage,
  "response.shell_call_command.added": shellCommand,
  "response.shell_call_command.delta": shellCommand,
  "response.shell_call_command.done": shellCommand,
  "response.shell_call_output_content.delta": shellOutput,
  "response.shell_call_output_content.done": shellOutput,
};
const STEPS = {
  web_search_call: ["in_progress", "searching", "completed"],
  file_search_call: ["in_progress", "searching", "completed"],
  code_interpreter_call: ["in_progress", "interpreting", "completed"],
  image_generation_call: ["in_progress", "generating", "completed"],
  mcp_call: ["in_progress", "completed", "failed"],
  compaction: ["compacting"],
  mcp_list_tools: ["in_progress", "completed", "failed"],
};
for (const [type, steps] of Object.entries(STEPS)) {
  for (const step of steps) TABLE[`response.${type}.${step}`] = setStatus(type);
}

/**
 * A response that begins starts a round. Some servers send `response.created` twice for the same
 * response: only another id (or a new start after an end) makes a new round.
 */
export function beginRound(state, event) {
  const id = event.response?.id ?? null;
  if (state.response !== null && (id === null || id === state.response)) return;
  if (state.response === null && state.base === null && state.items.length) {
    // We joined in mid-round by a snapshot; items of this round may be here already.
    state.response = id;
    return;
  }
  state.base = state.items.length;
  state.response = id;
}

/** Apply one upstream event to `state.items`; an event that no row knows changes nothing. */
export function applyResponseEvent(state, event) {
  if (event.type === "response.created" || event.type === "response.queued") {
    beginRound(state, event);
    return;
  }
  if (Object.hasOwn(TABLE, event.type)) TABLE[event.type](state, event);
}
