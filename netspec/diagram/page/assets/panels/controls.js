// What presses, keys and buttons do.

view.addEventListener("click", (event) => {
  if (camera.dragged) return;
  const item = event.target.closest("[data-box]");
  if (!item) return select(null);
  const box = boxes[item.dataset.box];
  const again = state.selected === box;
  const sign = event.target.closest(".sign");
  select(box);
  itemOf(box)?.focus({ preventScroll: true });
  if (opens(box) && (sign || again || !act.isOpen(box))) setOpen(box, !act.isOpen(box));
});
view.addEventListener("pointerover", (event) => trace(event.target));
view.addEventListener("pointerleave", () => trace(null));
view.addEventListener("focusin", (event) => event.target.matches(":focus-visible") && trace(event.target));
view.addEventListener("focusout", () => trace(null));

const KEYS = {
  ArrowDown: (box) => step(box, 1),
  ArrowUp: (box) => step(box, -1),
  ArrowRight: (box) => (opens(box) && !act.isOpen(box) ? setOpen(box, true) : act.isOpen(box) && go(box.children[0])),
  ArrowLeft: (box) => (opens(box) && act.isOpen(box) ? setOpen(box, false) : box.parent >= 0 && go(boxes[box.parent])),
  Home: () => go(visible()[0]),
  End: () => go(visible().at(-1)),
  Enter: (box) => (state.selected === box ? act.toggle(box) : select(box, { show: true })),
  " ": (box) => (state.selected === box ? act.toggle(box) : select(box, { show: true })),
};

function step(box, by) {
  const all = visible();
  const next = all[all.indexOf(box) + by];
  if (next) go(next);
}

function go(box) {
  for (const item of stage.querySelectorAll('[tabindex="0"]')) item.setAttribute("tabindex", "-1");
  const item = itemOf(box);
  item.setAttribute("tabindex", "0");
  camera.show(rectangleOf(box));
  item.focus({ preventScroll: true });
}

view.addEventListener("keydown", (event) => {
  const item = event.target.closest("[data-box]");
  if (!item || event.ctrlKey || event.metaKey || event.altKey || !(event.key in KEYS)) return;
  event.preventDefault();
  KEYS[event.key](boxes[item.dataset.box]);
});

const ANYWHERE = {
  "/": () => byId("search").select(),
  "+": () => camera.zoomBy(1.25),
  "=": () => camera.zoomBy(1.25),
  "-": () => camera.zoomBy(0.8),
  0: () => camera.fit(arranged),
  "?": () => byId("help").showModal(),
  Escape: () => {
    if (document.body.dataset.sheet) return reveal(null);
    if (state.selected) select(null);
    act.focusDiagram();
  },
};

document.addEventListener("keydown", (event) => {
  const typing = event.target.matches?.("input, select, textarea") || byId("help").open;
  if (event.defaultPrevented || typing || event.ctrlKey || event.metaKey || event.altKey || !(event.key in ANYWHERE))
    return;
  event.preventDefault();
  ANYWHERE[event.key]();
});

const BUTTONS = {
  home: () => {
    select(null);
    camera.fit(arranged, LEAST_READABLE);
  },
  nearer: () => camera.zoomBy(1.25),
  farther: () => camera.zoomBy(0.8),
  fit: () => camera.fit(arranged),
  "open-all": () => openAll(true),
  "close-all": () => openAll(false),
  "save-svg": () => download(drawn(), "svg"),
  "save-png": savePng,
  theme: () => {
    const dark = getComputedStyle(document.documentElement).colorScheme === "dark";
    document.documentElement.dataset.theme = dark ? "light" : "dark";
  },
  "show-help": () => byId("help").showModal(),
  "close-help": () => byId("help").close(),
  "show-source": () => togglePanel("source"),
  "show-details": () => togglePanel("details"),
};
byId("heat").addEventListener("change", heat);
for (const [id, press] of Object.entries(BUTTONS)) byId(id).addEventListener("click", press);
