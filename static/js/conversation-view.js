/** The shown branch of the open conversation as DOM; views are kept by turn, so focus stays put. */
import { shownBranch } from "./tree.js";
import { setChildren } from "./dom.js";
import { emptyCard, PendingTurnView, TurnView } from "./turn-view.js";

export class ConversationView {
  /** `root`: the list of turns, at first with what the server rendered. */
  constructor(root, welcome, actions) {
    this.root = root;
    this.welcome = welcome;
    this.actions = actions;
    this.conversation = undefined;
    this.views = new Map();
    this.pending = new Map();
    this.branch = [];
  }

  /** Another conversation: views of the last one are dropped. */
  open(conversation) {
    if (this.conversation === conversation) return;
    this.conversation = conversation;
    this.views.clear();
    this.branch = [];
  }

  /** The new chat got its id: the views stay. */
  adopt(conversation) {
    this.conversation = conversation;
  }

  /**
   * Draw all. `chat`: the store's chat or null; `entries`: turns not taken yet; `again(turnId)`:
   * regenerations not taken yet. Until the snapshot is here the server's rendering stays.
   */
  render({ chat, turns, entries, again, models, connected }) {
    const waiting = this.conversation !== null && !chat?.loaded;
    this.root.dataset.loading = waiting ? "yes" : "no";
    if (chat?.missing) {
      setChildren(this.root, [emptyCard("This chat is not here",
        "It was deleted, or it belongs to another account.")]);
      return;
    }
    this.branch = shownBranch(turns, chat?.choices);
    const pending = this._pendingNodes(entries, connected);
    this.welcome.hidden = waiting || this.branch.length + pending.length > 0;
    if (waiting && this.branch.length === 0) {
      const served = [...this.root.children].filter((node) => !node.dataset.pending);
      setChildren(this.root, [...served, ...pending]);
      return;
    }
    const nodes = this.branch.map((step) => this._turnNode(step, again(step.turn.id), models));
    setChildren(this.root, [...nodes, ...pending]);
  }

  /** Draw one generation, when it is on the shown branch. */
  renderGeneration(id, again, models) {
    const step = this.branch.find(({ generation }) => generation?.id === id);
    if (step) this._turnNode(step, again(step.turn.id), models);
  }

  /** The switcher between the versions of a turn, or ("answer") between the answers to it. */
  switcherOf(turn, what) {
    const view = this.views.get(turn);
    return what === "answer" ? view.answer.switcher : view.switcher;
  }

  clear() {
    setChildren(this.root, []);
  }

  _turnNode(step, entries, models) {
    const id = step.turn.id;
    if (!this.views.has(id)) this.views.set(id, new TurnView(step.turn, this.actions));
    const view = this.views.get(id);
    view.update(step, entries, models);
    return view.root;
  }

  _pendingNodes(entries, connected) {
    const known = this.pending;
    this.pending = new Map();
    return entries.map((entry) => {
      const id = entry.command.id;
      const view = known.get(id) ?? new PendingTurnView(entry, this.actions);
      view.update(entry, connected);
      this.pending.set(id, view);
      return view.root;
    });
  }
}
