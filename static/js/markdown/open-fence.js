/**
 * A top-level fence that is still open: its lines are code as they stand until one closes it,
 * so text goes straight to the code block, without a parser. Without this a long block would
 * be parsed from its start again for every delta.
 */
export class OpenFence {
  #closing;
  #line; // the last line so far, while it may still grow
  #block;
  #held = ""; // text of the last line that is not shown yet

  constructor(marker, line, block) {
    this.#closing = new RegExp(`^ {0,3}${marker[0]}{${marker.length},}[ \\t]*$`);
    this.#line = line;
    this.#block = block;
  }

  /** Shows more text. False, and nothing done, when a line of it closes the fence. */
  push(text) {
    const lines = (this.#line + text).split("\n");
    if (lines.some((line) => this.#closing.test(line))) return false;
    this.#line = lines.at(-1);
    // The parser leaves out a last line of nothing but blanks, so it waits for what follows.
    const shown = this.#held + text;
    const end = /^[ \t]+$/.test(this.#line) ? shown.length - this.#line.length : shown.length;
    this.#held = shown.slice(end);
    this.#block.append(shown.slice(0, end));
    return true;
  }
}

/**
 * The open fence that `source` is from its start to its end, or null. Tokens and nodes are
 * those of `source`. An indented fence is left to the parser (its lines lose their indent),
 * and so is one with a "|" in its first line, which the next line may make a table's head.
 */
export function openFence(source, tokens, nodes) {
  if (tokens.length !== 1 || tokens[0].type !== "fence") return null;
  const first = source.indexOf("\n");
  if (first < 0 || !/^(?:`{3,}|~{3,})[^|\n]*\n/.test(source)) return null;
  const { content, markup } = tokens[0];
  // A closing line is not part of the content: then the content does not reach the end.
  if (source.length !== first + 1 + content.length) return null;
  const line = content.slice(content.lastIndexOf("\n") + 1);
  return new OpenFence(markup, line, nodes[0].block);
}
