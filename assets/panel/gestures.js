/** What fingers, a mouse and keys do on the map: move it, come closer, draw a lasso, point at something, click it. */

const STEP = 40; // pixels that an arrow key moves the map by
const CLICK = 4; // pixels that a click may move by

export class Gestures {
  /**
   * @param {HTMLElement} element
   * @param {import("./scatter.js").Scatter} scatter
   * @param {object} told
   * @param {(row: number, x: number, y: number) => void} told.onPoint what the pointer is at, row -1 if nothing
   * @param {(row: number, whole: boolean) => void} told.onClick
   * @param {(path: [number, number][], ended: boolean) => void} told.onLasso pixels that the lasso has gone through
   * @param {() => void} told.onLook the camera has moved
   */
  constructor(element, scatter, told) {
    Object.assign(this, { element, scatter, told, lasso: false, path: null, start: null, at: -1 });
    /** @type {Map<number, [number, number]>} fingers on the map */
    this.fingers = new Map();
    this.listeners = Object.entries({
      pointerdown: this.#down, pointermove: this.#move, pointerup: this.#up, pointercancel: this.#up,
      pointerleave: () => this.#point(-1), wheel: this.#wheel, keydown: this.#key,
    }).map(([name, listener]) => [name, listener.bind(this)]);
    for (const [name, listener] of this.listeners) element.addEventListener(name, listener, { passive: false });
  }

  destroy() {
    for (const [name, listener] of this.listeners) this.element.removeEventListener(name, listener);
  }

  #pixel(event) {
    const { left, top } = this.element.getBoundingClientRect();
    return [event.clientX - left, event.clientY - top];
  }

  #point(row, x = 0, y = 0) {
    if (row === this.at) return;
    this.at = row;
    this.told.onPoint(row, x, y);
  }

  #down(event) {
    if (event.button) return;
    this.element.setPointerCapture(event.pointerId);
    this.#point(-1);
    const at = this.#pixel(event);
    this.fingers.set(event.pointerId, at);
    if (this.fingers.size > 1) {
      if (this.path) this.told.onLasso([], true);
      this.path = this.start = null;
      return;
    }
    this.start = at;
    this.path = this.lasso ? [at] : null;
  }

  #move(event) {
    const at = this.#pixel(event);
    const before = this.fingers.get(event.pointerId);
    if (!before) {
      const row = this.scatter.nearest(...at);
      return this.#point(row, ...(row < 0 ? at : this.scatter.pixelOf(row)));
    }
    if (this.fingers.size > 1) {
      const spread = () => {
        const [[ax, ay], [bx, by]] = [...this.fingers.values()];
        return { wide: Math.hypot(ax - bx, ay - by) || 1, x: (ax + bx) / 2, y: (ay + by) / 2 };
      };
      const old = spread();
      this.fingers.set(event.pointerId, at);
      const now = spread();
      this.scatter.zoomAt(now.wide / old.wide, now.x, now.y);
      this.scatter.pan(now.x - old.x, now.y - old.y);
      return this.told.onLook();
    }
    this.fingers.set(event.pointerId, at);
    if (this.path) {
      this.path.push(at);
      this.told.onLasso(this.path, false);
    }
    const from = this.start ?? before;
    if (this.start && Math.hypot(at[0] - from[0], at[1] - from[1]) < CLICK) return;
    this.start = null; // it is no click any more, also if it ends where it began
    if (this.path) return;
    this.scatter.pan(at[0] - from[0], at[1] - from[1]);
    this.told.onLook();
  }

  #up(event) {
    const at = this.#pixel(event);
    this.fingers.delete(event.pointerId);
    const { path, start } = this;
    this.path = this.start = null;
    if (start && event.type === "pointerup") this.told.onClick(this.scatter.nearest(...at), event.shiftKey);
    else if (path) this.told.onLasso(path, true);
  }

  #wheel(event) {
    event.preventDefault();
    this.#point(-1);
    this.scatter.zoomAt(Math.exp(-event.deltaY / 300), ...this.#pixel(event));
    this.told.onLook();
  }

  #key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const { width, height } = this.scatter;
    const moves = {
      ArrowLeft: () => this.scatter.pan(STEP, 0), ArrowRight: () => this.scatter.pan(-STEP, 0),
      ArrowUp: () => this.scatter.pan(0, STEP), ArrowDown: () => this.scatter.pan(0, -STEP),
      "+": () => this.scatter.zoomAt(1.25, width / 2, height / 2), "-": () => this.scatter.zoomAt(0.8, width / 2, height / 2),
      0: () => this.scatter.look({ zoom: 1, x: 0, y: 0 }),
    };
    if (!moves[event.key]) return;
    event.preventDefault();
    event.stopPropagation();
    moves[event.key]();
    this.told.onLook();
  }
}
