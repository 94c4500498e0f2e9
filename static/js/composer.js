/** The box at the bottom: writes, sends, stops, keeps a draft for each conversation. */
import { Drafts, lengthNote, refusal, sendsText } from "./text-rules.js";
import { setText } from "./dom.js";

export class Composer {
  /** `root`: the form. `actions`: send(text), stop(), wait(). */
  constructor(root, actions, storage) {
    this.root = root;
    this.actions = actions;
    this.box = root.querySelector("textarea");
    this.sendButton = root.querySelector("[data-role=send]");
    this.stopButton = root.querySelector("[data-role=stop]");
    this.note = root.querySelector("[data-role=note]");
    this.drafts = new Drafts(storage);
    this.conversation = undefined;
    this.state = "idle";
    root.addEventListener("submit", (event) => {
      event.preventDefault();
      this.submit();
    });
    this.stopButton.addEventListener("click", () => this._stop());
    this.box.addEventListener("input", () => this._changed());
    this.box.addEventListener("keydown", (event) => this._key(event));
    root.addEventListener("pointerdown", (event) => this._focusBox(event));
    new ResizeObserver(() => this._grow()).observe(root);
  }

  enable() {
    this.box.disabled = false;
    this.box.placeholder = "Write a message";
  }

  /** Show the draft of another conversation (null = the new chat). */
  open(conversation) {
    if (this.conversation === conversation) return;
    this.conversation = conversation;
    this.box.value = this.drafts.load(conversation);
    this._warn("");
    this._changed();
  }

  /** The new chat became a real conversation: what is being written goes with it. */
  adopt(conversation) {
    this.drafts.save(this.conversation, "");
    this.conversation = conversation;
    this.drafts.save(conversation, this.box.value);
  }

  /** Put a text back, before what is there already. */
  putBack(text) {
    this.box.value = [text, this.box.value].filter(Boolean).join("\n\n");
    this._changed();
    this.focus();
  }

  focus() {
    this.box.focus({ preventScroll: true });
  }

  /** The focus of a button that is going away. On a touch screen it would raise the keyboard. */
  takeFocus() {
    if (!matchMedia("(pointer: coarse)").matches) this.focus();
  }

  /** "idle", "sending" (a turn is on its way) or "running" (an answer is being written). */
  setState(state) {
    if (this.state === state) return;
    const hadFocus = this.root.contains(document.activeElement);
    this.state = state;
    this.root.dataset.state = state;
    this.stopButton.hidden = state !== "running";
    this.sendButton.hidden = state === "running";
    this.stopButton.removeAttribute("aria-disabled");
    if (hadFocus && document.activeElement !== this.box) this.focus();
    this._enableSend();
  }

  submit() {
    const text = this.box.value;
    if (this.box.disabled || text.trim() === "") return;
    if (this.state !== "idle") {
      this.actions.wait();
      return;
    }
    const reason = refusal(text);
    this._warn(reason ?? "");
    if (reason) return;
    this.box.value = "";
    this._changed();
    this.actions.send(text);
  }

  _stop() {
    if (this.stopButton.getAttribute("aria-disabled") === "true") return;
    this.stopButton.setAttribute("aria-disabled", "true");
    this.actions.stop();
  }

  _key(event) {
    if (!sendsText(event)) return;
    // On a touch keyboard Enter is the only way to break a line; there the button sends.
    if (matchMedia("(pointer: coarse)").matches && !event.ctrlKey && !event.metaKey) return;
    event.preventDefault();
    this.submit();
  }

  _changed() {
    this.drafts.save(this.conversation, this.box.value);
    this._grow();
    this._enableSend();
    if (this.note.dataset.tone !== "warning") setText(this.note, lengthNote(this.box.value));
    else if (!refusal(this.box.value)) this._warn("");
  }

  _warn(text) {
    this.note.dataset.tone = text ? "warning" : "quiet";
    setText(this.note, text);
  }

  _enableSend() {
    const can = this.state === "idle" && this.box.value.trim() !== "" && !this.box.disabled;
    this.sendButton.setAttribute("aria-disabled", String(!can));
  }

  /** As high as its text; the style sheet sets the most (40 % of the window). */
  _grow() {
    if (this.box.value === this.grownFor && this.box.clientWidth === this.grownAt) return;
    this.grownFor = this.box.value;
    this.grownAt = this.box.clientWidth;
    this.box.style.height = "auto";
    this.box.style.height = `${this.box.scrollHeight}px`;
  }

  /** A click on the frame around the box means the box. */
  _focusBox(event) {
    if (event.target !== this.root.firstElementChild) return;
    event.preventDefault();
    this.focus();
  }
}
