// The drawing on the screen: which boxes are open, and where everything stands.

const state = { open: new Map(data.open.map((box) => [box, 1])), selected: null, node: -1 };
const view = byId("diagram");
const stage = svg("g");
const whole = new PictureView(-1);
view.append(stage);
stage.append(whole.root);
const camera = new Camera(view, stage, () => {
  byId("zoom").textContent = `${Math.round(camera.zoom * 100)} %`;
});
let arranged = null;

function place() {
  arranged = arrange(-1, (box) => state.open.get(box) ?? 0);
  whole.place(arranged);
}

/** The SVG element of a box that can be seen. */
const itemOf = (box) => box && stage.querySelector(`[data-box="${box.index}"]`);

/** Where a visible box stands on the page, in points. */
function rectangleOf(box) {
  let [x, y, here] = [0, 0, arranged];
  for (const step of pathOf(box)) {
    const rectangle = here.rectangles.get(step.index);
    if (!rectangle) return null;
    if (step === box) return { ...rectangle, x: x + rectangle.x, y: y + rectangle.y };
    if (isRounds(step)) continue; // a frame in the same picture
    const inner = here.inner.get(step.index);
    if (!inner) return null;
    x += rectangle.x + inner.shift;
    y += rectangle.y;
    here = inner.inside;
  }
  return null;
}

/** The boxes that can be seen, in the order of the text. */
function visible(among = roots) {
  return among.flatMap((box) => [box, ...(act.isOpen(box) ? visible(box.children) : [])]);
}

/** The innermost box that can be seen of a box and those around it. */
function shownOf(box) {
  return pathOf(box).find((step) => !act.isOpen(step)) ?? box;
}
