/** Inline tokens to drawing nodes (see nodes.js). */
import { safeAddress } from "./links.js";
import { element, text } from "./nodes.js";

const TAGS = { em_open: "em", strong_open: "strong", s_open: "del" };
const NEW_TAB = { target: "_blank", rel: "noopener noreferrer nofollow" };

/** Collects siblings; neighbouring text becomes one node, as the DOM of a whole render has it. */
class Siblings {
  nodes = [];

  add(node) {
    this.nodes.push(node);
  }

  addText(string) {
    if (string === "") return;
    const last = this.nodes.at(-1);
    if (last?.kind === "text") last.text += string;
    else this.nodes.push(text(string));
  }
}

function linkNode(href, title, children) {
  const address = safeAddress(href);
  if (address === null) return element("span", { class: "unlinked" }, children);
  const attributes = { href: address, ...NEW_TAB };
  if (title) attributes.title = title;
  return element("a", attributes, children);
}

/** What an image says in words: its alternative text without markup. */
function plainText(tokens) {
  return tokens
    .map((token) => {
      if (token.type === "softbreak" || token.type === "hardbreak") return "\n";
      return token.type === "image" ? plainText(token.children) : token.content;
    })
    .join("");
}

/** Images are never loaded: that would tell the image's host who reads what. They become links. */
function imageNode(token, insideLink) {
  const source = token.attrGet("src");
  const words = text(plainText(token.children) || source);
  if (insideLink) return element("span", { class: "image" }, [words]);
  const node = linkNode(source, token.attrGet("title"), [words]);
  node.attributes.class = `${node.attributes.class ?? ""} image`.trim();
  return node;
}

/** The drawing nodes of one run of inline tokens. An unknown token is shown as its text. */
export function inlineNodes(tokens) {
  const stack = [{ siblings: new Siblings(), token: null }];
  let links = 0;
  for (const token of tokens) {
    const { siblings } = stack.at(-1);
    if (token.nesting === 1) {
      if (token.type === "link_open") links += 1;
      stack.push({ siblings: new Siblings(), token });
    } else if (token.nesting === -1) {
      const { token: opener } = stack.pop();
      const parent = stack.at(-1).siblings;
      if (opener.type === "link_open") {
        links -= 1;
        parent.add(linkNode(opener.attrGet("href"), opener.attrGet("title"), siblings.nodes));
      } else parent.add(element(TAGS[opener.type] ?? "span", {}, siblings.nodes));
    } else if (token.type === "softbreak") {
      siblings.addText("\n");
    } else if (token.type === "hardbreak") {
      siblings.add(element("br", {}, []));
      siblings.addText("\n");
    }
    else if (token.type === "code_inline") siblings.add(element("code", {}, [text(token.content)]));
    else if (token.type === "image") siblings.add(imageNode(token, links > 0));
    else siblings.addText(token.content);
  }
  return stack[0].siblings.nodes;
}
