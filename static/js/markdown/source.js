/**
 * Turns raw deltas into lines as CommonMark reads them: "\r\n" and "\r" become "\n",
 * NUL becomes U+FFFD. A "\r\n" may be split between two deltas, so the last "\r" is remembered.
 */
export class SourceNormalizer {
  #endedWithReturn = false;

  /** The normalised form of `text`, given all that was pushed before. */
  push(text) {
    if (text === "") return "";
    let rest = text;
    if (this.#endedWithReturn && rest.startsWith("\n")) rest = rest.slice(1);
    this.#endedWithReturn = text.endsWith("\r");
    return rest.replace(/\r\n?/g, "\n").replaceAll("\0", "\uFFFD");
  }
}
