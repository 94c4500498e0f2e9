/** The list of conversations, and the drawer that it is on a phone. */
import { el, iconButton, setChildren, setText } from "./dom.js";
import {
  confirmDelete, deleteConversation, renameConversation, renameField, RowMenu,
} from "./conversation-menu.js";

/** Conversations as the server rendered them into the list. */
export function servedConversations(list) {
  return [...list.querySelectorAll("[data-conversation]")].map((row) => ({
    id: row.dataset.conversation,
    title: row.querySelector("a").textContent.trim(),
    updated: row.dataset.updated,
  }));
}

/** A page of the list, newest first: `{conversations, more}`, `more` when there are older ones. */
async function conversationsBefore(moment) {
  const answer = await fetch(`/conversations.json?before=${encodeURIComponent(moment)}`);
  if (!answer.ok) throw new Error(`The site answered ${answer.status}.`);
  return answer.json();
}

class Row {
  constructor(id, sidebar) {
    this.id = id;
    this.sidebar = sidebar;
    this.link = el("a", { class: "chat-link", href: `/c/${id}/` });
    this.menu = iconButton("more", "Rename or delete", () => sidebar.menu.open(id, this.menu),
      { "aria-haspopup": "menu", "aria-expanded": "false" });
    this.root = el("li", { class: "chat-row", data: { conversation: id } }, this.link, this.menu);
  }

  update(conversation, current) {
    this.title = conversation.title || "New chat";
    setText(this.link, this.title);
    this.menu.setAttribute("aria-label", `Rename or delete “${this.title}”`);
    if (current) this.link.setAttribute("aria-current", "page");
    else this.link.removeAttribute("aria-current");
  }

  rename() {
    const close = () => {
      setChildren(this.root, [this.link, this.menu]);
      this.menu.focus();
    };
    const field = renameField(this.title, (title) => {
      close();
      this.sidebar.rename(this.id, title);
    }, close);
    setChildren(this.root, [field]);
    field.select();
  }
}

export class Sidebar {
  /** `parts`: list, dialog, more (button). `actions`: renamed, deleted, failed, older, refreshed. */
  constructor(parts, actions) {
    this.parts = parts;
    this.actions = actions;
    this.rows = new Map();
    this.menu = new RowMenu({
      rename: (id) => this.rows.get(id)?.rename(),
      remove: (id) => this.remove(id),
    });
    parts.more.addEventListener("click", () => this._older());
  }

  update(conversations, current) {
    const rows = conversations.map((conversation) => {
      const { id } = conversation;
      if (!this.rows.has(id)) this.rows.set(id, new Row(id, this));
      this.rows.get(id).update(conversation, id === current);
      return this.rows.get(id).root;
    });
    setChildren(this.parts.list, rows);
    this.oldest = conversations.at(-1)?.updated;
    this.parts.empty.hidden = rows.length > 0;
  }

  async rename(id, title) {
    try {
      await renameConversation(id, title);
      this.actions.renamed(id, title);
    } catch (error) {
      this.actions.failed("The chat could not be renamed.", error);
    }
  }

  async remove(id) {
    const row = this.rows.get(id);
    const yes = await confirmDelete(this.parts.dialog, row?.title ?? "");
    if (!yes) {
      row?.menu.focus();
      return;
    }
    try {
      await deleteConversation(id);
      this.actions.deleted(id);
    } catch (error) {
      this.actions.failed("The chat could not be deleted.", error);
    }
  }

  /** After a reconnect: list changes that were told meanwhile did not reach this tab. */
  async refresh() {
    try {
      const { conversations } = await conversationsBefore("9999-01-01T00:00:00Z");
      this.actions.refreshed(conversations);
    } catch (error) {
      console.warn("chatsite: the list of chats may be behind until the next reconnect", error);
    }
  }

  async _older() {
    const { more } = this.parts;
    more.setAttribute("aria-disabled", "true");
    try {
      const { conversations, more: left } = await conversationsBefore(this.oldest);
      this.actions.older(conversations);
      more.hidden = !left;
    } catch (error) {
      this.actions.failed("Older chats could not be loaded.", error);
    }
    more.removeAttribute("aria-disabled");
  }
}

/** The sidebar as a drawer on narrow screens; on wide ones it is simply there. */
export function installDrawer(sidebar, opener, closer, backdrop) {
  const narrow = matchMedia("(max-width: 52rem)");
  const set = (open) => {
    document.body.dataset.drawer = open ? "open" : "closed";
    opener.setAttribute("aria-expanded", String(open));
    // Closed, it must not be reachable by keyboard; on a wide screen it always is.
    sidebar.inert = narrow.matches && !open;
  };
  opener.addEventListener("click", () => {
    set(true);
    closer.focus();
  });
  const close = () => {
    if (document.body.dataset.drawer !== "open") return;
    set(false);
    opener.focus();
  };
  closer.addEventListener("click", close);
  backdrop.addEventListener("click", close);
  sidebar.addEventListener("keydown", ({ key }) => key === "Escape" && close());
  narrow.addEventListener("change", () => set(false));
  set(false);
  return { close: () => set(false) };
}
