/** Rename and delete: the menu of a conversation in the list, the inline field, the question. */
import { el, icon } from "./dom.js";

/** POST a form to one of our own addresses. Throws when the site did not do it. */
async function post(path, fields) {
  const token = document.querySelector("meta[name=csrf-token]").content;
  const answer = await fetch(path, {
    method: "POST",
    headers: { "X-CSRFToken": token, "X-Requested-With": "fetch" },
    body: new URLSearchParams(fields),
  });
  if (!answer.ok) throw new Error(`The site answered ${answer.status}.`);
}

export function renameConversation(id, title) {
  return post(`/c/${id}/rename/`, { title });
}

export function deleteConversation(id) {
  return post(`/c/${id}/delete/`, {});
}

function menuItem(name, label, onclick, danger = false) {
  const attributes = { type: "button", role: "menuitem", tabindex: "-1", onclick };
  return el("button", { ...attributes, class: danger ? "menu-item danger" : "menu-item" },
    icon(name), label);
}

/** One menu for all rows, shown beside the button that opened it. */
export class RowMenu {
  /** `actions`: rename(id), remove(id). */
  constructor(actions) {
    this.id = null;
    this.opener = null;
    this.root = el("div", { class: "menu", role: "menu", popover: "auto", "aria-label": "Chat" },
      menuItem("edit", "Rename", () => this._choose(actions.rename)),
      menuItem("trash", "Delete", () => this._choose(actions.remove), true));
    this.root.addEventListener("keydown", (event) => this._key(event));
    this.root.addEventListener("toggle", ({ newState }) => {
      this.opener?.setAttribute("aria-expanded", String(newState === "open"));
    });
    document.body.append(this.root);
  }

  open(id, opener) {
    this.id = id;
    this.opener = opener;
    this.root.showPopover();
    const { left, bottom, top } = opener.getBoundingClientRect();
    const { offsetWidth, offsetHeight } = this.root;
    const below = bottom + offsetHeight + 8 < innerHeight;
    this.root.style.left = `${Math.max(8, Math.min(left, innerWidth - offsetWidth - 8))}px`;
    this.root.style.top = `${below ? bottom + 4 : top - offsetHeight - 4}px`;
    this.root.firstChild.focus();
  }

  _choose(action) {
    this.root.hidePopover();
    action(this.id);
  }

  _key(event) {
    const items = [...this.root.children];
    const at = items.indexOf(document.activeElement);
    const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: items.length - 1 }[event.key];
    if (event.key === "Tab") this.root.hidePopover();
    if (to === undefined) return;
    event.preventDefault();
    items.at(to % items.length).focus();
  }
}

/** The field in place of a title. Enter and leaving it keep the new title, Escape the old one. */
export function renameField(title, onkeep, oncancel) {
  const field = el("input", { class: "rename", "aria-label": "Chat title", maxlength: "200" });
  let done = false;
  const finish = (keep) => {
    if (done) return;
    done = true;
    const text = field.value.trim();
    if (keep && text && text !== title) onkeep(text);
    else oncancel();
  };
  field.value = title;
  field.addEventListener("keydown", (event) => {
    if (event.isComposing) return;
    if (event.key === "Enter" || event.key === "Escape") {
      event.preventDefault();
      finish(event.key === "Enter");
    }
  });
  field.addEventListener("blur", () => finish(true));
  return field;
}

/** Ask before deleting; resolves to true or false. `dialog` stands in the page. */
export function confirmDelete(dialog, title) {
  dialog.querySelector("[data-role=title]").textContent = title;
  dialog.returnValue = "";
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => resolve(dialog.returnValue === "delete"), { once: true });
  });
}
