// Where a tensor goes: the edges into and out of what the pointer or the keyboard is on.

let traced = null;

/** The edges into a box and out of it, with the boxes at their ends that can be seen. */
function neighbours(box) {
  const listed = (edges, end) => {
    const found = new Map();
    for (const edge of edges) {
      const shown = shownOf(boxes[edge[end]]);
      const key = `${shown.index} ${edge.value}`;
      if (!found.has(key) || edge.role === "flow") found.set(key, { ...edge, [end]: shown });
    }
    return [...found.values()];
  };
  const into = data.edges.filter(({ from, to }) => to.has(box) && !from.has(box));
  const out = data.edges.filter(({ from, to }) => from.has(box) && !to.has(box));
  return { into, out, before: listed(into, "source"), after: listed(out, "target") };
}

/** Lights up what flows into and out of a box, or along an edge with all that reads the same value. */
function trace(target) {
  const edge = target?.closest?.(".edge") ?? null;
  const item = target?.closest?.("[data-box]") ?? null;
  if (traced === (edge ?? item)) return;
  traced = edge ?? item;
  for (const element of stage.querySelectorAll(".into, .from")) element.classList.remove("into", "from");
  view.classList.toggle("tracing", Boolean(traced));
  say(edge && data.edges[edge.route.edges[0]]);
  if (!traced) return;
  const { into, out } = edge ? { into: [], out: sameTensor(edge.route) } : neighbours(boxes[item.dataset.box]);
  const [leaving, entering] = [new Set(out), new Set(into)];
  for (const drawn of stage.querySelectorAll(".edge")) {
    const carried = drawn.route.edges.map((index) => data.edges[index]);
    if (carried.some((each) => leaving.has(each))) drawn.classList.add("from");
    else if (carried.some((each) => entering.has(each))) drawn.classList.add("into");
  }
}

/** The edges of all that reads what a drawn edge carries. */
function sameTensor(route) {
  const carried = route.edges.map((index) => data.edges[index]);
  return data.edges.filter((edge) =>
    carried.some(({ source, value }) => source === edge.source && value === edge.value),
  );
}

/** Tells what a value is, at the foot of the drawing. */
function say(edge) {
  byId("told").textContent = edge ? [edge.value, edge.shape, ROLES[edge.role]].filter(Boolean).join(" · ") : "";
}
