/** The entry: finds the parts of the page, makes the objects, wires them together. */
import { Acks } from "./acks.js";
import { App } from "./app.js";
import { Composer } from "./composer.js";
import { ConversationView } from "./conversation-view.js";
import { installCopy } from "./markdown/copy.js";
import { ModelPicker } from "./models.js";
import { Outbox } from "./outbox.js";
import { conversationAt, Router } from "./router.js";
import { Scroll } from "./scroll.js";
import { installDrawer, servedConversations, Sidebar } from "./sidebar.js";
import { Socket } from "./socket.js";
import { Status } from "./status.js";
import { Store } from "./store.js";
import { setText } from "./dom.js";

const byId = (id) => document.getElementById(id);

function socketUrl() {
  const scheme = location.protocol === "https:" ? "wss:" : "ws:";
  return `${scheme}//${location.host}/ws/`;
}

function goToLogin() {
  const next = encodeURIComponent(location.pathname);
  location.assign(`/accounts/login/?next=${next}`);
}

function makeSidebar(app, store, status) {
  const parts = {
    list: byId("chats"), more: byId("older"), dialog: byId("delete-dialog"), empty: byId("no-chats"),
  };
  return new Sidebar(parts, {
    renamed: (id, title) => app().receive({ type: "conversation.updated", conversation: { id, title } }),
    deleted: (id) => app().receive({ type: "conversation.deleted", conversation: id }),
    older: (conversations) => {
      store.addConversations(conversations);
      app().touch("list");
    },
    failed: (words, error) => {
      console.error("chatsite:", error);
      status.toast(words);
    },
  });
}

function makeSocket(app) {
  const socket = new Socket(socketUrl(), {
    onOpen: () => app.opened(),
    onMessage: (message) => app.receive(message),
    onState: (state) => app.line(state),
    onNoLogin: goToLogin,
  });
  addEventListener("online", () => socket.online());
  addEventListener("offline", () => socket.offline());
  document.addEventListener("visibilitychange", () => {
    if (document.visibilityState === "visible" && socket.state !== "connecting") socket.online();
  });
  return socket;
}

/** Methods of the app that the views call. */
function actionsOf(app) {
  const names = ["regenerate", "goOn", "edit", "retry", "discard", "putBack", "chooseTurn",
    "chooseGeneration", "say"];
  return Object.fromEntries(names.map((name) => [name, (...given) => app()[name](...given)]));
}

function installNotice() {
  byId("notice-close")?.addEventListener("click", () => {
    byId("notice").remove();
    localStorage.setItem("chatsite.notice", "dismissed");
    byId("message").focus();
  });
}

function start() {
  let app = null;
  const itself = () => app;
  const store = new Store();
  store.addConversations(servedConversations(byId("chats")));
  const status = new Status(byId("connection"), byId("announcer"), byId("toast"));
  const parts = {
    store,
    status,
    outbox: new Outbox(sessionStorage, (command) => app?.socket.send(command)),
    acks: new Acks((command) => app.socket.send(command)),
    view: new ConversationView(byId("turns"), byId("welcome"), actionsOf(itself)),
    composer: new Composer(byId("composer"), {
      send: (text) => app.send(text), stop: () => app.stop(), wait: () => status.wait(app.connected),
    }, sessionStorage),
    sidebar: makeSidebar(itself, store, status),
    picker: new ModelPicker(byId("model-picker"), localStorage),
    scroll: new Scroll(byId("scroller"), byId("column"), byId("to-end")),
    drawer: installDrawer(byId("sidebar"), byId("drawer-open"), byId("drawer-close"), byId("backdrop")),
    titled: (title) => setText(byId("title"), title),
  };
  app = new App(parts);
  app.socket = makeSocket(app);
  app.router = new Router((conversation) => app.show(conversation));
  installCopy(byId("turns"));
  installNotice();
  parts.composer.enable();
  app.show(conversationAt(location.pathname) ?? null);
  app.socket.connect();
  if (matchMedia("(pointer: fine)").matches) parts.composer.focus();
}

start();
