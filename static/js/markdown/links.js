/** What a link in model output may point to. Everything else is shown as text without an address. */

const ALLOWED = /^(?:https?:\/\/[^/\\\s]|mailto:[^\s])/i;
const PROTOCOLS = new Set(["http:", "https:", "mailto:"]);

/**
 * `address` if a person may be sent there, else null.
 *
 * An allow-list of complete forms, not a list of bad ones: no scheme trick (case, tabs,
 * entities, control characters) has to be known by name to be refused. Relative addresses
 * are refused too, since the model can't know this site's pages. So are addresses with a
 * user name or a password: "https://bank.example@evil.example" serves only to mislead.
 */
export function safeAddress(address) {
  if (typeof address !== "string" || !ALLOWED.test(address)) return null;
  if (!URL.canParse(address)) return null;
  const url = new URL(address);
  if (!PROTOCOLS.has(url.protocol)) return null;
  return url.username === "" && url.password === "" ? address : null;
}
