/** markdown-it, set up once. It only makes tokens here; its HTML renderer is never called. */
import MarkdownIt from "markdown-it";

const markdown = new MarkdownIt("default", { html: false, linkify: true, maxNesting: 100 });
// Every address parses as a link; inline.js decides which of them gets an href. So a refused
// address is shown in one way, however it was written.
markdown.validateLink = () => true;
// Only what is spelled out becomes a link: "README.md" and "node.js" are file names, not hosts.
markdown.linkify.set({ fuzzyLink: false, fuzzyEmail: false, fuzzyIP: false });
markdown.linkify.add("ftp:", null).add("//", null);

/**
 * The block structure of `source`, which starts at the start of a top-level block.
 *
 * `inherited` holds the link references defined further up; they win over those found here.
 * Answers the block tokens (inline content still unparsed) and `references`: an object whose
 * own properties are the definitions found here and which inherits the others.
 */
export function parseBlocks(source, inherited) {
  const references = Object.create(inherited);
  const tokens = [];
  markdown.block.parse(source, markdown, { references }, tokens);
  return { tokens, references };
}

/**
 * The inline tokens of `content`, and the labels that were looked up on the way: as long as
 * what these labels mean stays the same, parsing again gives the same tokens.
 */
export function parseInline(content, references) {
  const labels = new Set();
  const watched = new Proxy(references, {
    get(target, label) {
      labels.add(label);
      return target[label];
    },
  });
  const [token] = markdown.parseInline(content, { references: watched });
  return { tokens: token.children, labels };
}

/** The first word of a fence's info string with escapes and entities undone: "py" of "py title=x". */
export function fenceLanguage(info) {
  return markdown.utils.unescapeAll(info).trim().split(/\s+/, 1)[0];
}
