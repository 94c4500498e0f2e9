/** Screen readers hear that an answer begins and that it is there, never each token. */
export class ProgressWords {
  /** `say(words)`: tells screen readers. */
  constructor(say) {
    this.say = say;
    this.before = null;
  }

  /** `conversation`: the chat in view; `leaf`: its last answer or null; `state`: the composer's. */
  update(conversation, leaf, state) {
    const { before } = this;
    // An answer that waits to be asked for again has said so, and has not begun.
    const begun = state === "running" && leaf.status !== "queued" && !leaf.retry;
    this.before = { state, begun, id: leaf?.id, conversation };
    if (!before || before.conversation !== conversation) return;
    if (begun && !before.begun) this.say("The answer begins");
    if (before.state === "running" && state === "idle" && before.id === leaf?.id) {
      this.say(leaf.status === "completed" ? "The answer is complete" : "The answer has ended");
    }
  }
}
