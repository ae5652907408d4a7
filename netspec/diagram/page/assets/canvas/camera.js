// Pan and zoom: where the drawing is seen from.

const NEAREST = 8;
const FARTHEST = 0.05;
/** Pixels for a point (1/72 inch) at 100 %. */
const PIXELS = 4 / 3;

const MARGIN = 24;

class Camera {
  constructor(view, stage, changed) {
    Object.assign(this, { view, stage, changed, x: 0, y: 0, zoom: 1, fitted: true });
    this.pointers = new Map();
    view.addEventListener("wheel", (event) => this.wheel(event), { passive: false });
    view.addEventListener("pointerdown", (event) => this.down(event));
    view.addEventListener("pointermove", (event) => this.drag(event));
    for (const type of ["pointerup", "pointercancel"]) view.addEventListener(type, (event) => this.up(event));
  }

  get scale() {
    return this.zoom * PIXELS;
  }

  get size() {
    const { width, height } = this.view.getBoundingClientRect();
    return { width, height };
  }

  apply() {
    this.stage.setAttribute(
      "transform",
      `translate(${number(this.x)} ${number(this.y)}) scale(${this.scale.toFixed(4)})`,
    );
    this.changed();
  }

  /** Zooms by a factor about a place on the screen, the middle if none is given. */
  zoomBy(factor, at = { x: this.size.width / 2, y: this.size.height / 2 }) {
    const zoom = Math.min(NEAREST, Math.max(FARTHEST, this.zoom * factor));
    this.x = at.x - ((at.x - this.x) * zoom) / this.zoom;
    this.y = at.y - ((at.y - this.y) * zoom) / this.zoom;
    this.zoom = zoom;
    this.fitted = false;
    this.apply();
  }

  /** Shows the whole drawing; with `least`, no smaller than that zoom, its beginning on top. */
  fit({ width, height }, least = FARTHEST) {
    const room = this.size;
    const whole = Math.min((room.width - 2 * MARGIN) / width, (room.height - 2 * MARGIN) / height) / PIXELS;
    this.zoom = Math.min(1.25, Math.max(least, whole));
    this.x = (room.width - width * this.scale) / 2;
    this.y = Math.max(MARGIN, (room.height - height * this.scale) / 2);
    this.fitted = true;
    this.apply();
  }

  /** Moves as little as is needed for a rectangle of the drawing to be seen; zooms out where it is too large. */
  show({ x, y, width, height }, margin = 32) {
    const room = this.size;
    const fits = Math.min((room.width - 2 * margin) / width, (room.height - 2 * margin) / height) / PIXELS;
    if (fits < this.zoom) this.zoomBy(Math.max(fits, LEAST_READABLE) / this.zoom);
    const aside = (start, length, space) =>
      start < margin || length > space - 2 * margin ? margin - start : Math.min(0, space - margin - start - length);
    const dx = aside(this.x + x * this.scale, width * this.scale, room.width);
    const dy = aside(this.y + y * this.scale, height * this.scale, room.height);
    if (!dx && !dy) return;
    this.x += dx;
    this.y += dy;
    this.fitted = false;
    this.apply();
  }

  wheel(event) {
    event.preventDefault();
    const lines = event.deltaMode === WheelEvent.DOM_DELTA_LINE ? 16 : 1;
    if (event.shiftKey) {
      this.x -= (event.deltaX || event.deltaY) * lines;
      this.fitted = false;
      this.apply();
      return;
    }
    const box = this.view.getBoundingClientRect();
    const speed = event.ctrlKey ? 0.01 : 0.0015;
    this.zoomBy(Math.exp(-event.deltaY * lines * speed), { x: event.clientX - box.left, y: event.clientY - box.top });
  }

  down(event) {
    if (event.button) return;
    this.pointers.set(event.pointerId, { x: event.clientX, y: event.clientY });
    this.moved = 0;
  }

  drag(event) {
    const before = this.pointers.get(event.pointerId);
    if (!before) return;
    const now = { x: event.clientX, y: event.clientY };
    const others = [...this.pointers].filter(([id]) => id !== event.pointerId).map(([, place]) => place);
    this.pointers.set(event.pointerId, now);
    this.moved += Math.hypot(now.x - before.x, now.y - before.y);
    if (this.moved < 4) return;
    this.view.setPointerCapture(event.pointerId);
    this.view.classList.add("dragged");
    this.fitted = false;
    if (others.length) {
      const [other] = others;
      const apart = (place) => Math.hypot(place.x - other.x, place.y - other.y) || 1;
      const box = this.view.getBoundingClientRect();
      this.zoomBy(apart(now) / apart(before), {
        x: (now.x + other.x) / 2 - box.left,
        y: (now.y + other.y) / 2 - box.top,
      });
    } else {
      this.x += now.x - before.x;
      this.y += now.y - before.y;
      this.apply();
    }
  }

  up(event) {
    this.pointers.delete(event.pointerId);
    this.view.classList.remove("dragged");
  }

  /** Whether the press that ends now was a drag, and so is no click. */
  get dragged() {
    return this.moved >= 4;
  }
}

/** The zoom below which a picture's text can't be read. */
const LEAST_READABLE = 0.7;
