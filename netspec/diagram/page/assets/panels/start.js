// The page as it is opened.

/** What the colours mean that this net has. */
function legend() {
  const painted = new Set(boxes.filter((box) => box.nodes.length).map((box) => box.role));
  const shown = data.legend.filter(({ role }) => painted.has(role));
  byId("legend").append(...shown.map(({ role, name }) => html("li", {}, swatch(role), name)));
}

/** The stage that the page's address names. */
function hashed() {
  try {
    return places.get(decodeURIComponent(location.hash.slice(1)));
  } catch {
    return undefined;
  }
}

const wanted = hashed();
legend();
place();
source.open(data.net.at[0]);
pressed();
camera.fit(arranged, LEAST_READABLE);
if (wanted) select(wanted.box, { node: wanted.node, show: true });
else select(null);
new ResizeObserver(() => camera.fitted && camera.fit(arranged, LEAST_READABLE)).observe(view);
addEventListener("hashchange", () => {
  const place = hashed();
  if (place && place.box !== state.selected) select(place.box, { node: place.node, show: true });
});
document.documentElement.dataset.ready = "";
