// The same net as a table or as feature maps, in place of the graph.

const still = byId("still");
const isStill = () => !still.hasAttribute("hidden");

/** Shows the net in a style; the graph is the one that can be explored. */
function restyle(name) {
  const drawing = data.styles[name];
  view.toggleAttribute("hidden", Boolean(drawing));
  still.toggleAttribute("hidden", !drawing);
  document.body.classList.toggle("stilled", Boolean(drawing));
  for (const button of document.querySelectorAll("#styles button"))
    button.setAttribute("aria-pressed", String(button.value === name));
  if (!drawing) return camera.fitted && camera.fit(arranged, LEAST_READABLE);
  const { width, height, marks } = drawing;
  still.setAttribute("viewBox", `0 0 ${number(width)} ${number(height)}`);
  still.setAttribute("width", `${number(width * PIXELS)}`);
  still.replaceChildren(...marks.map(mark));
}
