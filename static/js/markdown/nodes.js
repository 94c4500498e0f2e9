/**
 * Drawing nodes: a light picture of the DOM, compared with the one before to find what changed.
 *
 * text     {kind, text, dom}
 * element  {kind, tag, attributes, parts, dom}: `parts` are nodes and inline runs
 * code     {kind, language, content, growing, block, dom}: a code block, drawn by CodeBlock
 * inline   {kind, content, labels, nodes}: a run of inline Markdown. It has no DOM node of its
 *          own (in a tight list its nodes stand among the item's blocks) and is parsed only
 *          when it is drawn, so that a run that stayed the same costs nothing.
 */
export function text(string) {
  return { kind: "text", text: string, dom: null };
}

export function element(tag, attributes, parts) {
  return { kind: "element", tag, attributes, parts, dom: null };
}

export function code(language, content, growing) {
  return { kind: "code", language, content, growing, block: null, dom: null };
}

export function inline(content) {
  return { kind: "inline", content, labels: null, nodes: null };
}
