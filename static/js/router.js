/** Addresses of the chat: `/` is the new chat, `/c/<id>/` a conversation. */
const CHAT = /^\/c\/([0-9a-f-]{36})\/?$/iu;

/** The conversation an address names, null for the new chat, undefined for any other page. */
export function conversationAt(path) {
  if (path === "/") return null;
  return CHAT.exec(path)?.[1].toLowerCase();
}

export function pathOf(conversation) {
  return conversation === null ? "/" : `/c/${conversation}/`;
}

/** Does this click stay in the page? Not with a modifier key, not for other buttons or targets. */
function isPlain(event) {
  const { button, metaKey, ctrlKey, shiftKey, altKey } = event;
  return button === 0 && !metaKey && !ctrlKey && !shiftKey && !altKey && !event.defaultPrevented;
}

/** Switch conversations without a reload. `show(conversation)` is called after the address changed. */
export class Router {
  constructor(show) {
    this.show = show;
    addEventListener("popstate", () => {
      const conversation = conversationAt(location.pathname);
      if (conversation !== undefined) show(conversation);
    });
    document.addEventListener("click", (event) => {
      const link = event.target.closest?.("a[href]");
      if (!link || link.target || link.origin !== location.origin || !isPlain(event)) return;
      const conversation = conversationAt(link.pathname);
      if (conversation === undefined) return;
      event.preventDefault();
      this.go(conversation);
    });
  }

  go(conversation) {
    if (pathOf(conversation) !== location.pathname) this.push(conversation);
    this.show(conversation);
  }

  /** Change the address only. */
  push(conversation) {
    history.pushState(null, "", pathOf(conversation));
  }
}
