// The selected stage: in the drawing, in the panels, in the path at the top, in the page's address.

const act = {
  isOpen: (box) => isRounds(box) || state.open.get(box.index) > 0,
  selected: () => state.selected,
  select,
  toggle: (box) => setOpen(box, !act.isOpen(box)),
  neighbours,
  read: (place) => {
    reveal("source");
    source.read(place);
  },
  focusDiagram: () => itemOf(state.selected ?? visible()[0])?.focus(),
};
const details = new Details(byId("details-content"), act);
const source = new SourceText(byId("source-text"), byId("source-tabs"), act);
const search = new Search(byId("search"), byId("found"), act);

function select(box, { node = -1, show = false, focus = false } = {}) {
  state.selected = box;
  state.node = node;
  if (box && show) {
    for (const step of pathOf(box).slice(0, -1)) if (!act.isOpen(step)) setOpen(step, true, { show: false });
    camera.show(rectangleOf(box));
  }
  markSelected();
  refresh();
  if (focus) itemOf(box)?.focus({ preventScroll: true });
}

/** Shows in the drawing what is selected. */
function markSelected() {
  for (const item of stage.querySelectorAll('[aria-selected="true"]')) item.setAttribute("aria-selected", "false");
  for (const item of stage.querySelectorAll('[tabindex="0"]')) item.setAttribute("tabindex", "-1");
  const item = itemOf(state.selected);
  item?.setAttribute("aria-selected", "true");
  (item ?? itemOf(visible()[0]))?.setAttribute("tabindex", "0");
}

/** Shows beside the drawing what is selected. */
function refresh() {
  const box = state.selected;
  details.show(box, state.node);
  source.mark(box);
  byId("crumbs").replaceChildren(...(box ? pathOf(box) : []).map((step) => crumb(step, step === box)));
  const name = state.node < 0 ? box?.name : data.nodes[state.node].name;
  try {
    history.replaceState(null, "", name ? `#${encodeURIComponent(name)}` : location.pathname + location.search);
  } catch {
    // Some browsers keep the address of a file as it is.
  }
}

function crumb(box, current) {
  const onclick = () => select(box, { show: true, focus: true });
  return html(
    "li",
    {},
    html("button", { type: "button", "aria-current": current && "location", onclick }, called(box)),
  );
}
