/** Small helpers to build DOM without ever reading HTML from a string. */
const SVG = "http://www.w3.org/2000/svg";

/**
 * `el("button", {class: "icon", type: "button", onclick: fn, data: {id: "…"}}, child, "text")`.
 * Names that begin with "on" become listeners; null and false leave an attribute out.
 */
export function el(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (name === "data") Object.assign(node.dataset, value);
    else node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children.filter((child) => child !== null && child !== undefined));
  return node;
}

/** An icon of the sprite in the page (templates/_icons.html). */
export function icon(name) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("class", "icon");
  svg.setAttribute("aria-hidden", "true");
  const use = document.createElementNS(SVG, "use");
  use.setAttribute("href", `#icon-${name}`);
  svg.append(use);
  return svg;
}

/** A button that shows an icon only; the label is what a screen reader says and the tooltip shows. */
export function iconButton(name, label, onclick, extra = {}) {
  const attributes = { class: "icon-button", type: "button", "aria-label": label, title: label };
  return el("button", { ...attributes, onclick, ...extra }, icon(name));
}

export function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

/** Make `parent`'s children exactly `nodes`, moving as little as possible (focus stays put). */
export function setChildren(parent, nodes) {
  const wanted = new Set(nodes);
  for (const child of [...parent.childNodes]) if (!wanted.has(child)) child.remove();
  let at = parent.firstChild;
  for (const node of nodes) {
    if (node === at) at = at.nextSibling;
    else parent.insertBefore(node, at);
  }
}

/** Copy text; without a secure context (plain http in a LAN) by the old way. True when it worked. */
export async function copyText(text) {
  if (navigator.clipboard) {
    try {
      await navigator.clipboard.writeText(text);
      return true;
    } catch {
      // Denied: the old way below needs no permission.
    }
  }
  const box = el("textarea", { class: "visually-hidden", "aria-hidden": "true" });
  box.value = text;
  document.body.append(box);
  box.select();
  const done = document.execCommand("copy");
  box.remove();
  return done;
}
