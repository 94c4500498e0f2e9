/** What may be sent. Pure. */
export const MAX_CHARS = 100_000;
const WARN_FROM = 90_000;
/** Of a text as JSON: the server closes the line on a frame of more than 256 KiB, the rest is for its ids. */
const MAX_BYTES = 255 * 1024;

/** Characters as the server counts them: code points, not UTF-16 units. */
export function countChars(text) {
  if (text.length <= WARN_FROM) return text.length;
  let count = 0;
  for (const _ of text) count += 1;
  return count;
}

/** How long a text is on its way to the server. */
function bytesSent(text) {
  return new TextEncoder().encode(JSON.stringify(text)).length;
}

/** Half an emoji, as a cut may leave it, is no text: the server could not read its frame. */
export function wellFormed(text) {
  return text.replace(/\p{Surrogate}/gu, "\uFFFD");
}

/** Why a text can't be sent, in words; null when it can. */
export function refusal(text) {
  if (text.trim() === "") return "Write something first.";
  const count = countChars(text);
  if (count > MAX_CHARS) return tooLong(count, MAX_CHARS, "characters");
  const bytes = bytesSent(text);
  return bytes > MAX_BYTES ? tooLong(bytes, MAX_BYTES, "bytes") : null;
}

function tooLong(size, most, unit) {
  const [is, limit] = [size, most].map((number) => number.toLocaleString("en"));
  return `This is ${is} ${unit} long; the limit is ${limit}. Nothing was sent and your text is still here.`;
}

/** A quiet count near the limit, else "". */
export function lengthNote(text) {
  if (text.length < WARN_FROM) return "";
  return `${countChars(text).toLocaleString("en")} of ${MAX_CHARS.toLocaleString("en")} characters`;
}

/**
 * Does this key press send? Enter alone does; with Shift it breaks the line, and while an input
 * method composes it belongs to the input method (keyCode 229 is Safari's way of saying so).
 */
export function sendsText({ key, shiftKey, altKey, isComposing, keyCode }) {
  return key === "Enter" && !shiftKey && !altKey && !isComposing && keyCode !== 229;
}

/** Drafts in sessionStorage, one for each conversation and one for the new chat. */
export class Drafts {
  constructor(storage) {
    this.storage = storage;
  }

  key(conversation) {
    return `chatsite.draft.${conversation ?? "new"}`;
  }

  load(conversation) {
    return this.storage.getItem(this.key(conversation)) ?? "";
  }

  save(conversation, text) {
    try {
      if (text) this.storage.setItem(this.key(conversation), text);
      else this.storage.removeItem(this.key(conversation));
    } catch (error) {
      console.warn("chatsite: the draft is not stored", error); // Full: the text is still on screen.
    }
  }
}
