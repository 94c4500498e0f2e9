/** Block tokens to drawing nodes (see nodes.js). */
import { code, element, inline } from "./nodes.js";
import { fenceLanguage } from "./parser.js";

const CLOSING_FENCE = /^[\s>]*(`{3,}|~{3,})[ \t]*$/;
const TAGS = new Set([
  "p", "h1", "h2", "h3", "h4", "h5", "h6", "blockquote", "ul", "ol", "li",
  "table", "thead", "tbody", "tr", "th", "td",
]);

/** Index of the code token that more text could still grow, or -1. */
function growingCode(tokens, source) {
  let index = tokens.length - 1;
  while (index >= 0 && tokens[index].nesting === -1) index -= 1;
  const token = tokens[index];
  if (token?.type === "code_block") return index;
  if (token?.type !== "fence") return -1;
  const [first, end] = token.map;
  const marker = CLOSING_FENCE.exec(source.split("\n")[end - 1] ?? "")?.[1] ?? "";
  // Only the time of highlighting hangs on this, so that a rare wrong guess does no harm.
  const closed = end - 1 > first && marker.startsWith(token.markup);
  return closed ? -1 : index;
}

function attributesOf(token) {
  if (token.type === "ordered_list_open" && token.attrGet("start") !== null) {
    return { start: String(token.attrGet("start")) };
  }
  const align = /^text-align:(left|center|right)$/.exec(token.attrGet("style") ?? "");
  return align ? { class: `align-${align[1]}` } : {};
}

function openElement(token) {
  const tag = TAGS.has(token.tag) ? token.tag : "div";
  return element(tag, attributesOf(token), []);
}

/** The drawing nodes of the top-level blocks of `source`, one each (none for a link reference). */
export function blockNodes(tokens, source) {
  const growing = growingCode(tokens, source);
  const top = [];
  const stack = [top];
  tokens.forEach((token, index) => {
    const siblings = stack.at(-1);
    if (token.type === "inline") siblings.push(inline(token.content));
    else if (token.type === "hr") siblings.push(element("hr", {}, []));
    else if (token.type === "fence") {
      siblings.push(code(fenceLanguage(token.info), token.content, index === growing));
    } else if (token.type === "code_block") {
      siblings.push(code("", token.content, index === growing));
    } else if (token.hidden) return;
    else if (token.nesting === 1) {
      const node = openElement(token);
      const outer = token.type === "table_open" ? element("div", { class: "table-scroll" }, [node]) : node;
      siblings.push(outer);
      stack.push(node.parts);
    } else if (token.nesting === -1) stack.pop();
  });
  return top;
}
