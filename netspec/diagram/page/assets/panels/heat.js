// The boxes coloured by what they cost, in place of what they do.

const COSTS = {
  parameters: (box) => box.parameters,
  macs: (box) => box.macs,
  activations: (box) => box.elements,
};

/** Colours what is closed by its part of the largest cost that can be seen; by its family where no cost is chosen. */
function heat() {
  const name = byId("heat").value;
  const cost = (box) => (Number.isFinite(COSTS[name]?.(box)) ? COSTS[name](box) : 0);
  const shown = visible().filter((box) => !act.isOpen(box));
  const most = Math.max(0, ...shown.map(cost));
  document.body.classList.toggle("heated", most > 0);
  for (const box of shown) {
    const share = most ? Math.sqrt(cost(box) / most) : 0;
    const item = itemOf(box);
    item.style.setProperty("--heat", `${Math.round(100 * share)}%`);
    item.classList.toggle("hot", share > 0.55);
  }
  byId("legend").hidden = most > 0;
  const unit = name === "activations" ? " values" : "";
  byId("heat-legend").textContent = most ? `white: none · darkest: ${short(most)}${unit}, by the square root` : "";
}
