/**
 * Steps: everything a generation does besides speaking (searches, tools, code, shell …), each a quiet
 * line that opens to its details. One table says how each item type is worded and what it shows.
 */
import { el, icon, setChildren, setText } from "./dom.js";

const RUNNING = new Set(["in_progress", "searching", "interpreting", "generating", "running"]);

function pretty(text) {
  if (typeof text !== "string") return JSON.stringify(text, null, 2);
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text; // Arguments that are still arriving, or plain text.
  }
}

const code = (label, text) => (text ? { label, text: pretty(text) } : null);

function searchWords(item) {
  const { action = {} } = item;
  if (action.type === "open_page") return action.url ?? "";
  if (action.type === "find_in_page") return action.pattern ?? "";
  return action.query ?? action.queries?.join(", ") ?? "";
}

function outputsOf(item) {
  const logs = (item.outputs ?? []).map(({ logs: text }) => text).filter(Boolean);
  return logs.join("\n");
}

function shellOutput(item) {
  if (typeof item.output === "string") return item.output;
  const parts = (item.output ?? []).map(({ stdout, stderr }) => [stdout, stderr]);
  return parts.flat().filter(Boolean).join("\n");
}

function toolDetails(item, input) {
  return [code("Input", input), code("Result", item.tool?.output ?? item.output ?? item.error)];
}

function commandsOf(item) {
  const commands = item.action?.commands?.length ? item.action.commands : item.commands ?? [];
  return commands.map((one) => (typeof one === "string" ? one : one.command)).join("\n");
}

/** type -> icon, wording while running and when done, a subject, and the details to open. */
const STEPS = {
  web_search_call: {
    icon: "globe", running: "Searching the web", done: "Searched the web", subject: searchWords,
    details: (item) => [code("Sources", item.action?.sources?.map(({ url }) => url).join("\n"))],
  },
  file_search_call: {
    icon: "file", running: "Searching files", done: "Searched files",
    subject: (item) => item.queries?.join(", "),
    details: (item) => [code("Found", item.results?.map(({ filename }) => filename).join("\n"))],
  },
  code_interpreter_call: {
    icon: "code", running: "Running code", done: "Ran code",
    details: (item) => [code("Code", item.code), code("Output", outputsOf(item))],
  },
  function_call: {
    icon: "tool", running: "Using", done: "Used", subject: (item) => item.name,
    details: (item) => toolDetails(item, item.arguments),
  },
  custom_tool_call: {
    icon: "tool", running: "Using", done: "Used", subject: (item) => item.name,
    details: (item) => toolDetails(item, item.input),
  },
  mcp_call: {
    icon: "tool", running: "Using", done: "Used",
    subject: (item) => [item.server_label, item.name].filter(Boolean).join(" · "),
    details: (item) => toolDetails(item, item.arguments),
  },
  mcp_list_tools: {
    icon: "tool", running: "Looking up tools of", done: "Looked up tools of",
    subject: (item) => item.server_label,
    details: (item) => [code("Tools", item.tools?.map(({ name }) => name).join("\n"))],
  },
  shell_call: {
    icon: "code", running: "Running a command", done: "Ran a command",
    details: (item) => [code("Command", commandsOf(item))],
  },
  local_shell_call: {
    icon: "code", running: "Running a command", done: "Ran a command",
    details: (item) => [code("Command", item.action?.command?.join(" "))],
  },
  shell_call_output: {
    icon: "code", running: "Command output", done: "Command output",
    details: (item) => [code("Output", shellOutput(item))],
  },
  apply_patch_call: {
    icon: "code", running: "Changing", done: "Changed", subject: (item) => item.operation?.path,
    details: (item) => [code("Patch", item.operation?.diff)],
  },
};
STEPS.local_shell_call_output = STEPS.shell_call_output;

export function isStep(type) {
  return Object.hasOwn(STEPS, type);
}

/** How a step stands, from the item, the tool that runs for it, and whether the answer has ended. */
export function stepStatus(item, ended) {
  const { tool } = item;
  if (tool?.status === "failed" || item.status === "failed" || item.error) return "failed";
  if (tool?.status === "running" && !ended) return "running";
  if (tool?.status === "done") return "done";
  return RUNNING.has(item.status) && !ended ? "running" : "done";
}

export class StepView {
  constructor() {
    this.label = el("span", { class: "step-label" });
    this.subject = el("span", { class: "step-subject" });
    this.mark = el("span", { class: "step-icon" });
    this.summary = el("summary", {}, this.mark, this.label, this.subject, icon("chevron"));
    this.body = el("div", { class: "step-body" });
    this.root = el("details", { class: "step" }, this.summary, this.body);
    this.drawn = "";
  }

  update(item, { ended }) {
    const step = STEPS[item.type];
    const status = stepStatus(item, ended);
    if (!this.mark.firstChild) this.mark.append(icon(step.icon));
    this.root.dataset.status = status;
    const words = status === "running" ? step.running : step.done;
    setText(this.label, status === "failed" ? `${words} (failed)` : words);
    setText(this.subject, step.subject?.(item) ?? "");
    this._drawDetails(step.details(item).filter(Boolean));
  }

  _drawDetails(details) {
    const drawn = JSON.stringify(details);
    if (drawn === this.drawn) return;
    this.drawn = drawn;
    this.root.dataset.empty = details.length ? "no" : "yes";
    setChildren(this.body, details.map(({ label, text }) => el(
      "div", { class: "step-detail" },
      el("h4", {}, label),
      el("pre", { tabindex: "0" }, text),
    )));
  }
}
