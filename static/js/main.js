/** The entry: finds the parts of the page, makes the objects, wires them together. */
import { Acks } from "./acks.js";
import { App } from "./app.js";
import { BudgetNotices } from "./budget-notices.js";
import { Composer } from "./composer.js";
import { ConversationView } from "./conversation-view.js";
import { installCopy } from "./markdown/copy.js";
import { Meter } from "./meter.js";
import { ModelPicker } from "./models.js";
import { Outbox } from "./outbox.js";
import { conversationAt, Router } from "./router.js";
import { Scroll } from "./scroll.js";
import { installDrawer, servedConversations, Sidebar } from "./sidebar.js";
import { Socket } from "./socket.js";
import { Spending } from "./spending.js";
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
    refreshed: (conversations) => {
      store.refreshConversations(conversations);
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
    onState: (state) => app.status.connection(state),
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
  const actions = names.map((name) => [name, (...given) => app()[name](...given)]);
  return { ...Object.fromEntries(actions), refusalOf: (entry) => app().spending.refusalOf(entry) };
}

/** What concerns money: the meter, the warning, the cheapest model. */
function makeSpending(app, { store, picker, composer, status }) {
  const redraw = () => app().touch("budgets");
  const notices = new BudgetNotices(byId("budget-notices"), {
    useModel: (id) => {
      picker.choose(id);
      status.say("The cheapest model is chosen");
    },
    dismiss: (warning) => {
      app().spending.dismiss(warning);
      redraw();
    },
    leave: () => composer.takeFocus(),
  });
  const meter = new Meter(byId("budget-meter"), byId("budget-details"));
  return new Spending({ store, picker, meter, notices }, { say: (words) => status.say(words), redraw });
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
  const status = new Status(byId("connection"), byId("announcer"), byId("toast"),
    () => app.touch("pending"));
  const parts = {
    store,
    status,
    outbox: new Outbox(sessionStorage, (command) => app?.socket.send(command)),
    acks: new Acks((command) => app.socket.send(command)),
    view: new ConversationView(byId("turns"), byId("welcome"), actionsOf(itself)),
    composer: new Composer(byId("composer"), {
      send: (text) => app.send(text), stop: () => app.stop(), wait: () => status.wait(),
    }, sessionStorage),
    sidebar: makeSidebar(itself, store, status),
    picker: new ModelPicker(byId("model-picker"), localStorage, () => app?.touch("picker")),
    scroll: new Scroll(byId("scroller"), byId("column"), byId("to-end")),
    drawer: installDrawer(byId("sidebar"), byId("drawer-open"), byId("drawer-close"), byId("backdrop")),
    titled: (title) => setText(byId("title"), title),
  };
  parts.spending = makeSpending(itself, parts);
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
