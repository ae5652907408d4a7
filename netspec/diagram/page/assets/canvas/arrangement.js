// Where everything stands while some boxes are open. Each picture was laid out with all its boxes closed; an open box
// makes room for itself by stretching the plane across and along it, each column along for itself. A stretch keeps
// what is left of, right of, above and below what, so nothing comes to lie on anything else, and edges go along.

/** A monotone map of a line in which each span [from, to, length] has at least its length. */
function stretch(spans) {
  const knots = [...new Set(spans.flatMap(([from, to]) => [from, to]))].sort((a, b) => a - b);
  const lengths = knots.slice(1).map((knot, index) => knot - knots[index]);
  for (const [from, to, length] of [...spans].sort((a, b) => b[2] - a[2])) {
    const first = knots.indexOf(from);
    const last = knots.indexOf(to);
    const now = lengths.slice(first, last).reduce((sum, part) => sum + part, 0);
    if (now >= length) continue;
    for (let index = first; index < last; index += 1)
      lengths[index] += ((length - now) * (knots[index + 1] - knots[index])) / (to - from);
  }
  const images = knots.slice(0, 1);
  lengths.forEach((length, index) => images.push(images[index] + length));
  return (value) => {
    if (!knots.length || value <= knots[0]) return value;
    const after = knots.findIndex((knot) => knot > value);
    if (after < 0) return value + images[images.length - 1] - knots[knots.length - 1];
    const share = (value - knots[after - 1]) / (knots[after] - knots[after - 1]);
    return images[after - 1] + share * lengths[after - 1];
  };
}

/**
 * The picture of what is in box `of` (-1 for the page). `openness` says how far each box is open, from 0 to 1.
 * Rectangles are relative to the picture's upper left corner.
 */
function arrange(of, openness, upwards = false) {
  const picture = upwards ? turned(pictures.get(of)) : pictures.get(of);
  const inner = new Map();
  const across = [];
  const column = (x) => picture.gutters.filter((gutter) => gutter < x).length;
  const along = [[], ...picture.gutters.map(() => [])];
  for (const { box, x, y, width, height } of picture.boxes) {
    const share = openness(box);
    if (!share) continue;
    const rises = picture.routes.some(({ target, path }) => target === box && path.at(-1).at(-1)[1] >= y + height);
    const inside = arrange(box, openness, rises);
    // What comes in at the middle of the closed box is to come straight in at the port of the open one.
    const port = ports(inside, "entries")[0]?.x ?? inside.width / 2;
    const left = between(width / 2, Math.max(width / 2, port), share);
    const right = between(width / 2, Math.max(width / 2, inside.width - port), share);
    const shift = between(0, left - port, share);
    inner.set(box, { inside, left, shift, width: left + right, height: between(height, inside.height, share) });
    across.push([x, x + width / 2, left], [x + width / 2, x + width, right]);
    along[column(x)].push([y, y + height, inner.get(box).height]);
  }
  const mapX = stretch(across);
  const columns = along.map(stretch);
  const map = (x, y) => [mapX(x), columns[column(x)](y)];
  const rectangles = new Map();
  for (const { box, x, y, width, height } of picture.frames) {
    const [left, top] = map(x, y);
    const bottom = columns[column(x)](y + height);
    rectangles.set(box, { x: left, y: top, width: mapX(x + width) - left, height: bottom - top });
  }
  for (const { box, x, y, width, height } of picture.boxes) {
    const size = inner.get(box) ?? { left: width / 2, width, height };
    const middle = (map(x, y)[1] + map(x, y + height)[1]) / 2;
    rectangles.set(box, {
      x: mapX(x + width / 2) - size.left,
      y: middle - size.height / 2,
      width: size.width,
      height: size.height,
    });
  }
  const height = Math.max(...columns.map((mapY) => mapY(picture.height)));
  const arranged = { picture, width: mapX(picture.width), height, rectangles, inner, map };
  arranged.routes = picture.routes.map((route) => routed(route, arranged));
  return arranged;
}

/** The way of an edge: its points stretched, its ends at the boxes that it joins or at the ports of open ones. */
function routed(route, arranged) {
  const path = route.path.map(([verb, ...points]) => [verb, ...points.map(([x, y]) => arranged.map(x, y))]);
  if (route.exit) path.at(-1).at(-1)[1] = arranged.picture.upwards ? HEADER : arranged.height;
  if (route.entry && arranged.picture.upwards) path[0][1][1] = arranged.height;
  const start = docked(route, route.source, "exits", route.path[0][1], arranged);
  const end = docked(route, route.target, "entries", route.path.at(-1).at(-1), arranged);
  if (start) {
    if (path[1]?.[0] === "C") path[1][1] = [path[1][1][0] + start[0] - path[0][1][0], path[1][1][1]];
    path[0][1] = start;
  }
  if (end) {
    const last = path.at(-1);
    if (last[0] === "C") last[2] = [last[2][0] + end[0] - last[3][0], last[2][1]];
    last[last.length - 1] = end;
  }
  const label = route.label && beside(route, path);
  return { path: straight(route) ? elbowed(path) : path, label, arrow: route.arrow };
}

/** Whether an edge goes straight down or up. */
const straight = ({ path }) => path.length === 2 && path[1][0] === "L" && path[0][1][0] === path[1][1][0];

/** A straight edge whose ends do not stand above each other any more: with a bend close to where it begins. */
function elbowed([[, start], [, end]]) {
  const [across, along] = [end[0] - start[0], end[1] - start[1]];
  if (Math.abs(across) < 1)
    return [
      ["M", start],
      ["L", end],
    ];
  const radius = Math.min(5, Math.abs(across) / 2, Math.abs(along) / 3);
  const [aside, down] = [Math.sign(across) * radius, Math.sign(along) * radius];
  const bend = start[1] + down;
  return [
    ["M", start],
    ["C", [start[0], bend], [start[0], bend], [start[0] + aside, bend]],
    ["L", [end[0] - aside, bend]],
    ["C", [end[0], bend], [end[0], bend], [end[0], bend + down]],
    ["L", end],
  ];
}

/** Where an edge's label comes to lie: as far from the edge as it was, at the same part of the way. */
function beside({ label, path }, moved) {
  const stops = path.map((segment) => segment.at(-1));
  const places = moved.map((segment) => segment.at(-1));
  const at = stops.findIndex(([, y], index) => index && (y - label.y) * (stops[index - 1][1] - label.y) <= 0);
  if (at < 0) return { x: places[0][0] + label.x - stops[0][0], y: places[0][1] + label.y - stops[0][1] };
  const [from, to] = [stops[at - 1], stops[at]];
  if (straight({ path }))
    return {
      x: places[1][0] + label.x - to[0],
      y: (places[0][1] + places[1][1]) / 2 + label.y - (from[1] + to[1]) / 2,
    };
  const share = to[1] === from[1] ? 0.5 : (label.y - from[1]) / (to[1] - from[1]);
  const on = (a, b, axis) => between(a[axis], b[axis], share);
  return {
    x: on(places[at - 1], places[at], 0) + label.x - on(from, to, 0),
    y: on(places[at - 1], places[at], 1),
  };
}

/** Where the end of an edge at a box comes to lie; null where it ends at the picture's border or at another edge. */
function docked(route, index, side, [x, y], arranged) {
  const closed = arranged.picture.boxes.find((placed) => placed.box === index);
  if (!closed || Math.max(closed.x - x, x - closed.x - closed.width, closed.y - y, y - closed.y - closed.height) > NEAR)
    return null;
  const rectangle = arranged.rectangles.get(index);
  const open = arranged.inner.get(index);
  if (!open) return [rectangle.x + x - closed.x, rectangle.y + y - closed.y];
  const along = Math.min(1, Math.max(0, (y - closed.y) / closed.height)) * rectangle.height;
  const port = ports(open.inside, side).find(({ edges }) => edges.some((edge) => route.edges.includes(edge)));
  const beside = along > 0 && along < rectangle.height;
  const across = port && !beside ? open.shift + port.x : ((x - closed.x) / closed.width) * rectangle.width;
  return [rectangle.x + across, rectangle.y + along];
}

/** A picture turned upside down, for where the flow around it goes up. Its header stays on top. */
function turned(picture) {
  if (picture.turned) return picture.turned;
  const turn = (y) => picture.height + HEADER - FOOT - y;
  const placed = (box) => ({ ...box, y: turn(box.y + box.height) });
  const routes = picture.routes.map((route) => ({
    ...route,
    path: route.path.map(([verb, ...points]) => [verb, ...points.map(([x, y]) => [x, turn(y)])]),
    label: route.label && { ...route.label, y: turn(route.label.y) },
  }));
  const whole = {
    ...picture,
    routes,
    boxes: picture.boxes.map(placed),
    frames: picture.frames.map(placed),
    upwards: true,
  };
  return (picture.turned = whole);
}

/** How far from a box an edge may end that is drawn up to it. */
const NEAR = 6;

/** The heights of a frame's header, and of the space below what is in it. */
const HEADER = 17;
const FOOT = 8;

/** Where edges enter or leave an arranged picture. */
function ports({ picture, routes }, side) {
  return routes.flatMap(({ path }, index) => {
    const { entry, exit, edges } = picture.routes[index];
    if (side === "entries" && entry) return [{ x: path[0][1][0], edges }];
    if (side === "exits" && exit) return [{ x: path.at(-1).at(-1)[0], edges }];
    return [];
  });
}

const between = (from, to, share) => from + (to - from) * share;
