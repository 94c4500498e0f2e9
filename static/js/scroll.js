/**
 * Follows the newest text while the reader is at the bottom, and leaves them alone otherwise.
 * A button leads back to the end.
 */
const NEAR_PX = 24;

/** Does the reader follow? From where they are and which way they moved. Pure. */
export function follows({ before, top, distance, was }) {
  if (distance <= 2) return true;
  if (top < before) return false;
  return was || distance <= NEAR_PX;
}

export class Scroll {
  constructor(scroller, content, button) {
    this.scroller = scroller;
    this.content = content;
    this.button = button;
    this.following = true;
    this.top = scroller.scrollTop;
    scroller.addEventListener("scroll", () => this._moved(), { passive: true });
    button.addEventListener("click", () => {
      this.toEnd();
      scroller.focus({ preventScroll: true });
    });
    const observer = new ResizeObserver(() => this.settle());
    observer.observe(content);
    observer.observe(scroller);
  }

  get distance() {
    const { scrollHeight, scrollTop, clientHeight } = this.scroller;
    return scrollHeight - scrollTop - clientHeight;
  }

  /** After the content changed: stay at the end, or show the way there. */
  settle() {
    if (this.following) this._jump();
    this.button.hidden = this.following || this.distance <= NEAR_PX;
  }

  toEnd() {
    this.content.style.minHeight = "";
    this.following = true;
    this.settle();
  }

  /**
   * Redraw, and keep a thing at the same place on the screen: `before` is its node, `after()` the
   * node that stands for it afterwards. Where too little is left below, room is made for it.
   */
  hold(before, redraw, after) {
    const { content, scroller } = this;
    const { top } = before.getBoundingClientRect();
    this.following = false;
    redraw();
    content.style.minHeight = "";
    const wanted = scroller.scrollTop + after().getBoundingClientRect().top - top;
    const missing = wanted + scroller.clientHeight - scroller.scrollHeight;
    if (missing > 0) content.style.minHeight = `${Math.ceil(content.offsetHeight + missing)}px`;
    scroller.scrollTop = wanted;
    this.top = scroller.scrollTop;
    this.following = this.distance <= 2;
    this.settle();
  }

  _jump() {
    this.scroller.scrollTop = this.scroller.scrollHeight;
    this.top = this.scroller.scrollTop;
  }

  _moved() {
    const { scrollTop } = this.scroller;
    const { distance } = this;
    this.following = follows({ before: this.top, top: scrollTop, distance, was: this.following });
    this.top = scrollTop;
    this.button.hidden = this.following || distance <= NEAR_PX;
  }
}
