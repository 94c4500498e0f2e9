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
    this.following = true;
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
