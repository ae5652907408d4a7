// The drawing: an SVG element for every box and edge, made when its picture is first opened and moved from then on.

const ROLES = {
  skip: "a shortcut",
  dense: "a dense connection",
  gate: "a gate",
  carry: "what a gate carries on",
  auxiliary: "in training only",
  size: "its size alone",
};

class PictureView {
  constructor(of) {
    this.picture = pictures.get(of);
    this.root = svg("g", { class: "picture", role: of < 0 ? null : "group" });
    this.frames = new Map(this.picture.frames.map((placed) => [placed.box, new FrameView(placed)]));
    this.routes = this.picture.routes.map((route) => new RouteView(route));
    this.boxes = new Map(this.picture.boxes.map((placed) => [placed.box, new BoxView(placed)]));
    const edges = svg("g", { "aria-hidden": "true" }, ...this.routes.map((route) => route.root));
    const held = { [-1]: this.root };
    for (const [box, frame] of this.frames) {
      (held[boxes[box].parent] ?? this.root).append(frame.root);
      held[box] = frame.content;
    }
    this.root.append(edges);
    for (const [box, view] of this.boxes) (held[boxes[box].parent] ?? this.root).append(view.root);
  }

  /** Puts everything where `arranged` says. */
  place(arranged) {
    for (const [box, frame] of this.frames) frame.place(arranged.rectangles.get(box));
    for (const [box, view] of this.boxes) view.place(arranged.rectangles.get(box), arranged.inner.get(box));
    arranged.routes.forEach((routed, index) => this.routes[index].place(routed));
  }
}

/** A tree item: something that can be reached with the keyboard and said aloud. */
function treeItem(box, ...children) {
  return svg(
    "g",
    {
      class: `box ${box.kind}${opens(box) ? " opens" : ""}${pathOf(box).length % 2 ? "" : " even"}`,
      role: "treeitem",
      tabindex: "-1",
      "aria-level": pathOf(box).length,
      "aria-expanded": opens(box) ? "false" : isRounds(box) ? "true" : null,
      "aria-selected": "false",
      "aria-label": spoken(box),
      "data-box": box.index,
    },
    ...children,
  );
}

/** A box in a sentence, for who hears the page. */
function spoken(box) {
  const times = box.times > 1 ? `${box.times} times` : "";
  const kind = box.kind === "layer" || box.kind === "join" ? "" : box.kind;
  return [box.label, box.title, ...box.merged, times, kind, box.out.length ? `makes ${box.out.at(-1)}` : ""]
    .filter(Boolean)
    .join(", ");
}

class BoxView {
  constructor(placed) {
    this.box = boxes[placed.box];
    this.closed = svg("g", { class: "closed" }, ...placed.marks.map(mark));
    this.outline = svg("rect", { class: "halo", rx: "5" });
    this.root = treeItem(this.box, this.outline, this.closed);
    if (opens(this.box)) this.closed.append(sign(placed.width, 0, "open"));
  }

  place({ x, y, width, height }, inner) {
    move(this.root, x, y);
    surround(this.outline, width, height);
    if (inner) this.open(inner, width, height);
    else if (this.inner) this.close();
  }

  open({ inside, shift }, width, height) {
    if (!this.inner) {
      this.inner = new PictureView(this.box.index);
      this.frame = new Sheets(this.box);
      this.header = new HeaderView(pictures.get(this.box.index).header, sign(0, 0, "close"));
      this.opened = svg("g", { class: "opened" }, this.frame.root, this.inner.root, this.header.root);
    }
    if (!this.opened.isConnected) {
      this.root.append(this.opened);
      this.closed.remove();
      this.root.setAttribute("aria-expanded", "true");
    }
    this.frame.place(width, height);
    this.header.place(width);
    move(this.inner.root, shift, 0);
    this.inner.place(inside);
  }

  close() {
    if (!this.opened.isConnected) return;
    this.opened.remove();
    this.root.append(this.closed);
    this.root.setAttribute("aria-expanded", "false");
  }
}

/** Rounds that are alike, as a frame around one of them. */
class FrameView {
  constructor(placed) {
    this.box = boxes[placed.box];
    this.frame = new Sheets(this.box);
    this.outline = svg("rect", { class: "halo", rx: "5" });
    this.header = new HeaderView(placed.header);
    this.content = svg("g", { role: "group" });
    this.root = treeItem(this.box, this.outline, this.frame.root, this.header.root, this.content);
  }

  place({ x, y, width, height }) {
    // What is inside has its place on the page, so the frame is drawn there, too, instead of being moved.
    for (const part of [this.frame.root, this.header.root, this.outline]) move(part, x, y);
    this.frame.place(width, height);
    this.header.place(width);
    surround(this.outline, width, height);
  }
}

/** A frame; where it stands for several, on top of a stack. */
class Sheets {
  constructor(box) {
    this.sheets = (box.times > 1 ? [5, 2.5, 0] : [0]).map((by) => ({
      by,
      rect: svg("rect", { class: "frame", rx: "5" }),
    }));
    this.root = svg("g", {}, ...this.sheets.map(({ rect }) => rect));
  }

  place(width, height) {
    for (const { by, rect } of this.sheets) {
      move(rect, 2 * by, by);
      size(rect, width - 4 * by, height);
    }
  }
}

/** The band along the top of a frame: its words, and what stands at its right end. */
class HeaderView {
  constructor({ left, right }, sign) {
    this.band = svg("path", { class: "band" });
    this.right = svg("g", {}, ...right.map(mark), sign);
    this.root = svg("g", { class: "header" }, this.band, ...left.map(mark), this.right);
  }

  place(width) {
    const [left, right, round] = [0.4, number(width - 0.4), "A4.6,4.6 0 0 1"];
    this.band.setAttribute(
      "d",
      `M${left},${HEADER}V5${round} 5,${left}H${number(width - 5)}${round} ${right},5V${HEADER}Z`,
    );
    move(this.right, width, 0);
  }
}

class RouteView {
  constructor(route) {
    this.route = route;
    this.touch = svg("path", { class: "touch" });
    this.shaft = svg("path", { class: "shaft" });
    this.head = svg("polygon", { class: "head" });
    this.label = route.label ? svg("g", { class: "label" }, ...route.label.marks.map(mark)) : null;
    this.root = svg("g", { class: `edge ${route.role}` }, this.touch, this.shaft, this.head, this.label);
    this.root.route = route;
  }

  place({ path, label, arrow }) {
    const { shaft, head } = arrow ? withHead(path) : { shaft: path, head: [] };
    const drawn = shaft.map(([verb, ...points]) => verb + points.map(point).join(" ")).join(" ");
    this.shaft.setAttribute("d", drawn);
    this.touch.setAttribute("d", drawn);
    this.head.setAttribute("points", head.map(point).join(" "));
    if (label) move(this.label, label.x, label.y);
  }
}

/** A path that ends in an arrow head: its line up to the head, and the head, whose tip is the path's end. */
function withHead(path) {
  const last = path.at(-1);
  const tip = last.at(-1);
  const points = path.flatMap(([, ...each]) => each);
  const near = points.findLast(([x, y]) => Math.hypot(x - tip[0], y - tip[1]) > 0.01) ?? [tip[0], tip[1] - 1];
  const distance = Math.hypot(tip[0] - near[0], tip[1] - near[1]);
  const [ux, uy] = [(tip[0] - near[0]) / distance, (tip[1] - near[1]) / distance];
  const back = (length, aside) => [tip[0] - ux * length - uy * aside, tip[1] - uy * length + ux * aside];
  const shaft = [...path.slice(0, -1), [...last.slice(0, -1), back(HEAD * 0.9, 0)]];
  return { shaft, head: [tip, back(HEAD, 0.4 * HEAD), back(HEAD, -0.4 * HEAD)] };
}

const HEAD = 5.5;

/** One mark of a drawing (netspec/diagram/page/pictures.py): a rectangle, circle, polygon, path or text. */
function mark([shape, attributes, text]) {
  const { fill, stroke, ...rest } = attributes;
  const element = svg(shape, rest);
  if (text !== undefined) element.textContent = text;
  if ("textLength" in rest) element.setAttribute("lengthAdjust", "spacingAndGlyphs");
  element.style.fill = paint(fill);
  element.style.stroke = paint(stroke);
  return element;
}

const paint = (role) => (role ? `var(--${role.replace(":", "-")})` : "none");

/** The small sign on a box that can be opened or closed. */
function sign(x, y, does) {
  const plus = does === "open" ? "M-2.5,0H2.5M0,-2.5V2.5" : "M-2.5,0H2.5";
  const element = svg("g", { class: "sign", "data-does": does }, svg("circle", { r: "5" }), svg("path", { d: plus }));
  move(element, x, y);
  return element;
}

const number = (value) => String(Math.round(value * 100) / 100);
const point = ([x, y]) => `${number(x)},${number(y)}`;
const move = (element, x, y) => element.setAttribute("transform", `translate(${number(x)} ${number(y)})`);

function size(element, width, height) {
  element.setAttribute("width", number(width));
  element.setAttribute("height", number(height));
}

function surround(element, width, height) {
  element.setAttribute("x", "-3");
  element.setAttribute("y", "-3");
  size(element, width + 6, height + 6);
}
