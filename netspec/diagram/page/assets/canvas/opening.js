// Opening and closing boxes, in place.

const quiet = matchMedia("(prefers-reduced-motion: reduce)");
/** Milliseconds that an opening takes. */
const SWIFT = 180;

/** Opens or closes a box; with `show`, so that the reader's eye can follow. */
function setOpen(box, open, { show = true } = {}) {
  if (!opens(box) || open === act.isOpen(box)) return;
  const hidden = !open && state.selected && state.selected !== box && pathOf(state.selected).includes(box);
  if (hidden) select(box);
  const hold = anchored(box);
  const finish = () => {
    settle(box, open);
    hold();
    const there = open && show && rectangleOf(box);
    if (there) camera.show(there);
  };
  const move = (share) => {
    if (share === 1) return finish();
    state.open.set(box.index, Math.max(0.01, open ? share : 1 - share));
    place();
    hold();
  };
  if (quiet.matches || !show) finish();
  else animate(move);
  refresh();
}

/** Puts everything where it belongs once a box is open or closed, and the focus back to where it was. */
function settle(box, open) {
  const focused = document.activeElement?.closest?.("[data-box]")?.dataset.box;
  if (open) state.open.set(box.index, 1);
  else state.open.delete(box.index);
  place();
  heat();
  markSelected();
  if (focused !== undefined) itemOf(boxes[focused])?.focus({ preventScroll: true });
}

/** A function that brings a box back to where it is on the screen now, whatever has moved it. */
function anchored(box) {
  const middle = ({ x, y, width }) => ({ x: x + width / 2, y });
  const before = rectangleOf(box) && middle(rectangleOf(box));
  const seen = before && { x: camera.x + before.x * camera.scale, y: camera.y + before.y * camera.scale };
  return () => {
    const now = rectangleOf(box) && middle(rectangleOf(box));
    if (!seen || !now) return;
    camera.x = seen.x - now.x * camera.scale;
    camera.y = seen.y - now.y * camera.scale;
    camera.apply();
  };
}

/** Calls `step` with shares up to 1 over a short while; at once with 1 where another movement begins. */
function animate(step) {
  const run = (movements += 1);
  const start = performance.now();
  const frame = (now) => {
    const share = run === movements ? Math.min(1, Math.max(0, now - start) / SWIFT) : 1;
    step(1 - (1 - share) ** 3);
    if (share < 1) requestAnimationFrame(frame);
  };
  frame(start);
}

let movements = 0;

function openAll(open) {
  for (const box of boxes.filter(opens)) {
    if (open) state.open.set(box.index, 1);
    else state.open.delete(box.index);
  }
  if (!open && state.selected) select(pathOf(state.selected)[0]);
  place();
  heat();
  markSelected();
  refresh();
  camera.fit(arranged);
}
