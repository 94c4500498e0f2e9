/**
 * The application: what the person does becomes commands, what the server says becomes state, and
 * once per frame the state becomes DOM. It owns no DOM itself (main.js hands the parts in).
 */
import { isEnded } from "./events.js";
import { newId } from "./ids.js";
import { ProgressWords } from "./progress-words.js";
import { wellFormed } from "./text-rules.js";
import { leafOf, placeOf, shownBranch } from "./tree.js";

const SITE = "Chatsite";

export class App {
  /** `parts`: store, outbox, acks, view, composer, sidebar, picker, spending, scroll, status, drawer. */
  constructor(parts) {
    Object.assign(this, parts);
    this.current = undefined;
    this.dirty = new Set();
    this.frame = null;
    this.progress = new ProgressWords((words) => this.status.say(words));
  }

  // --- What the server says -------------------------------------------------------------------

  opened() {
    this.acks.reset();
    if (this.current) this.socket.send(this.store.openCommand(this.current));
    this.outbox.resend();
  }

  receive(said) {
    const message = this.spending.noted(said);
    if (message.type === "hello") this._greeted();
    if (message.type === "budget.warning") this.spending.warned(message);
    const entry = this.outbox.settle(message);
    const { changed, commands } = this.store.apply(message, { mine: entry !== null });
    for (const command of commands) this.socket.send(command);
    if (message.type === "error") this._refused(message, entry);
    if (entry && message.type === "turn.created") this._taken(entry.command, message);
    for (const what of changed) this.touch(what);
    if (changed.has(`deleted:${this.current}`)) this.router.go(null);
  }

  _greeted() {
    if (this.greeted) this.sidebar.refresh();
    this.greeted = true;
  }

  /** Our turn is in the database. In the new chat this is where the conversation gets its address. */
  _taken(command, { conversation }) {
    if (command.type === "turn.create" && command.conversation === null) {
      if (this.current === null) {
        this.current = conversation.id;
        this.view.adopt(conversation.id);
        this.composer.adopt(conversation.id);
        this.router.push(conversation.id);
      } else this.socket.send({ type: "conversation.close", conversation: conversation.id });
    }
    this.touch("pending");
  }

  _refused(message, entry) {
    if (entry) {
      this.touch("pending");
      const { message: words, advice } = this.spending.refusalOf(entry);
      this.status.say(`${words} ${advice}`);
    } else if (message.command === "conversation.open" && message.code === "not_found") {
      this.store.missing(this.current);
      this.touch(`chat:${this.current}`);
    } else if (message.command === "generation.stop") {
      this.status.toast(message.message);
    } else console.error("chatsite: refused", message);
  }

  // --- What the person does --------------------------------------------------------------------

  /** Show a conversation (null = the new chat). */
  show(conversation) {
    this.drawer.close();
    if (conversation === this.current) {
      this.composer.focus();
      return;
    }
    if (this.current) this.socket.send({ type: "conversation.close", conversation: this.current });
    const first = this.current === undefined;
    this.current = conversation;
    this.view.open(conversation);
    if (!first) this.view.clear();
    this.composer.open(conversation);
    if (conversation) this.socket.send(this.store.openCommand(conversation));
    this.draw();
    this.scroll.toEnd();
    if (!first) this.composer.focus();
  }

  send(text) {
    const leaf = leafOf(this._branch());
    this._create(text, leaf?.id ?? null);
  }

  edit(turn, text) {
    this._create(text, turn.follows ?? null);
  }

  goOn(generation) {
    this._create("Continue exactly where you stopped.", generation);
  }

  regenerate(turn) {
    this.outbox.post({ type: "generation.create", id: newId(), turn, ...this._model() });
    this.scroll.toEnd();
    this.touch("pending");
    this.composer.takeFocus();
  }

  stop() {
    const leaf = leafOf(this._branch());
    if (leaf && !isEnded(leaf)) this.outbox.stop(leaf.id);
  }

  /** Send a refused turn again; with a model: to that one, which is chosen from now on. */
  retry(id, model = null) {
    if (model) this.picker.choose(model);
    this.outbox.retry(id, model ? { model } : {});
    this.touch("pending");
  }

  discard(id) {
    this.outbox.discard(id);
    this.touch("pending");
  }

  putBack(id) {
    const entry = this.outbox.discard(id);
    if (entry) this.composer.putBack(entry.command.text);
    this.touch("pending");
  }

  chooseTurn(turn, id) {
    this._choose(placeOf(turn), id, "message", [turn.id, id]);
  }

  chooseGeneration(turn, id) {
    this._choose(turn, id, "answer", [turn, turn]);
  }

  say(words) {
    this.status.say(words);
  }

  _create(typed, follows) {
    const { current: conversation } = this;
    const text = wellFormed(typed);
    const command = { type: "turn.create", id: newId(), conversation, text, follows };
    this.outbox.post({ ...command, ...this._model(), attachments: [] });
    this.draw();
    this.scroll.toEnd();
    this.composer.takeFocus();
  }

  /** The switcher that was used stays where it is on the screen, and keeps the focus. */
  _choose(key, id, what, [from, to]) {
    const { root, step } = this.view.switcherOf(from, what);
    this.store.choose(this.current, key, id);
    this.touch(`chat:${this.current}`);
    this.scroll.hold(root, () => this.draw(), () => this.view.switcherOf(to, what).root);
    this.view.switcherOf(to, what).focus(step);
  }

  _model() {
    const model = this.picker.value;
    return model ? { model } : {};
  }

  _branch() {
    const chat = this.store.chat(this.current);
    return shownBranch(this.store.turns(this.current), chat?.choices);
  }

  // --- Drawing ---------------------------------------------------------------------------------

  touch(what) {
    this.dirty.add(what);
    this.frame ??= requestAnimationFrame(() => this.draw());
  }

  draw() {
    if (this.frame) cancelAnimationFrame(this.frame);
    this.frame = null;
    const dirty = this.dirty;
    this.dirty = new Set();
    const only = dirty.size > 0 && [...dirty].every((what) => what.startsWith("generation:"));
    if (only) this._drawGenerations(dirty);
    else this._drawAll();
    for (const what of dirty) if (what.startsWith("generation:")) this._drawn(what.slice(11));
    this._drawComposer();
    this.scroll.settle();
  }

  _drawGenerations(dirty) {
    for (const what of dirty) {
      this.view.renderGeneration(what.slice(11), this._again, this.store.models);
    }
  }

  _drawAll() {
    const { store, current } = this;
    this.view.render({
      chat: store.chat(current),
      turns: store.turns(current),
      entries: this.outbox.turnsOf(current),
      again: this._again,
      models: store.models,
      connected: this.status.connected,
    });
    const conversation = store.conversations.get(current);
    this.sidebar.update(store.list(), current);
    this.picker.update(store.models, store.defaultModel, conversation);
    this.spending.draw(this.outbox.turnsOf(current), this.outbox.retryTimes());
    const title = current ? conversation?.title ?? "" : "";
    this.titled(title);
    document.title = title ? `${title} · ${SITE}` : SITE;
  }

  _again = (turn) => this.outbox.generationsOf(turn);

  _drawn(id) {
    const state = this.store.generations.get(id);
    if (!state) return;
    if (isEnded(state)) this.outbox.stopped(id);
    this.acks.drawn(id, state.seq);
  }

  _drawComposer() {
    const leaf = leafOf(this._branch());
    const running = leaf !== null && !isEnded(leaf);
    const underway = this.outbox.turnsOf(this.current).some(({ error }) => !error);
    const state = running ? "running" : underway ? "sending" : "idle";
    this.progress.update(this.current, leaf, state);
    this.composer.setState(state);
  }
}
