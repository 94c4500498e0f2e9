/**
 * Where text stops being able to change.
 *
 * A line can reach back: "===" makes a heading of the paragraph above, "|---|" a table of the
 * line above, an indented line belongs to the list above, and a quote sign many lines on can
 * still close the title of a link reference. What no later text can change is everything
 * before a top-level block that
 *  - starts after a blank line (only lists, fences and indented code go on over one, and a
 *    block that starts at top level shows that they did not), or
 *  - starts with a line that breaks off whatever stands above (a fence, a quote, a rule, a
 *    list, a "#" heading, a table), or stands below a block that ends with its own line,
 * once the lines that decide this have arrived in full.
 */
const BREAKS_OFF = new Set([
  "fence", "blockquote_open", "hr", "bullet_list_open", "ordered_list_open", "table_open",
]);

function isHashHeading(token) {
  return token.type === "heading_open" && token.markup.startsWith("#");
}

function endsByItself(token) {
  return token.type === "hr" || token.type === "fence" || isHashHeading(token);
}

/**
 * The last line of `source` before which everything is final: {line, offset}, or null.
 * `offset` is where that line starts. Tokens are those of parseBlocks(source).
 */
export function finalBefore(tokens, source) {
  let lines = null;
  let line = 0;
  let previous = null;
  for (const token of tokens) {
    if (token.level !== 0 || token.nesting === -1 || !token.map) continue;
    const start = token.map[0];
    if (start > 0) {
      lines ??= source.split("\n");
      const complete = lines.length - 1;
      const afterBlank = /^[ \t]*$/.test(lines[start - 1]);
      const separate = BREAKS_OFF.has(token.type) || isHashHeading(token) || (previous && endsByItself(previous));
      // Without a blank line the next line counts too: it may make a table of this one.
      if (afterBlank ? start < complete : separate && start + 1 < complete) line = start;
    }
    previous = token;
  }
  if (line === 0) return null;
  let offset = 0;
  for (let index = 0; index < line; index += 1) offset += lines[index].length + 1;
  return { line, offset };
}
