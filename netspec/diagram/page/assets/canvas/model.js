// What the page shows, as Python laid it out (netspec/diagram/page/page.py): boxes, pictures of what is in them, and facts.

const byId = (id) => document.getElementById(id);
const data = JSON.parse(byId("data").textContent);
for (const [name, table] of Object.entries(data))
  if (table.columns)
    data[name] = table.rows.map((row) =>
      Object.fromEntries(table.columns.map((column, index) => [column, row[index]])),
    );
const boxes = data.boxes.map((box, index) => ({ ...box, index, children: [] }));
const roots = [];
for (const box of boxes) (box.parent < 0 ? roots : boxes[box.parent].children).push(box);

const pictures = new Map(data.pictures.map((picture) => [picture.of, picture]));
const opens = (box) => pictures.has(box.index);
const isRounds = (box) => box.kind === "rounds";

/** The boxes around one, from the outermost to itself. */
function pathOf(box) {
  const path = [box];
  while (path[0].parent >= 0) path.unshift(boxes[path[0].parent]);
  return path;
}

for (const edge of data.edges) {
  edge.from = new Set(pathOf(boxes[edge.source]));
  edge.to = new Set(pathOf(boxes[edge.target]));
}

/** What a box is called where there is room for one word or two. */
const called = (box) => (box.kind === "join" && box.name.split(".").at(-1)) || box.label || box.title || box.signature;

/** Every stage that can be looked for: its name in the spec, the box that stands for it, and which of its layers. */
const places = new Map();
for (const box of boxes) if (box.name) places.set(box.name, { name: box.name, box, node: -1 });
for (const [name, box, node] of data.places) places.set(name, { name, box: boxes[box], node });

const figure = (count) => (typeof count === "number" ? count.toLocaleString("en") : count);

/** A count in three figures: 25.6 M. */
function short(count) {
  if (typeof count !== "number") return count;
  for (const [size, unit] of [
    [1e12, "T"],
    [1e9, "G"],
    [1e6, "M"],
    [1e3, "k"],
  ])
    if (count >= size) return `${Number((count / size).toPrecision(3))} ${unit}`;
  return String(count);
}

/** An HTML element: its attributes (`on...` are listeners), and its children, where a string is text. */
function html(name, attributes = {}, ...children) {
  return filled(document.createElement(name), attributes, children);
}

function svg(name, attributes = {}, ...children) {
  return filled(document.createElementNS("http://www.w3.org/2000/svg", name), attributes, children);
}

function filled(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? "" : value);
  }
  // What is not there is often told by its number, 0.
  element.append(...children.filter((child) => child !== null && child !== undefined && child !== false && child !== 0));
  return element;
}
