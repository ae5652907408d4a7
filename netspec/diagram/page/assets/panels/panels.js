// The spec and the details: columns where there is room, sheets over the drawing where there is not.

const narrow = matchMedia("(max-width: 900px)");

function togglePanel(name) {
  if (narrow.matches) return reveal(document.body.dataset.sheet === name ? null : name);
  document.body.classList.toggle(`no-${name}`);
  pressed();
}

/** Makes sure that a panel can be seen; with null, closes the sheet. */
function reveal(name) {
  if (narrow.matches) {
    if (name) document.body.dataset.sheet = name;
    else delete document.body.dataset.sheet;
  } else if (name) document.body.classList.remove(`no-${name}`);
  pressed();
}

function pressed() {
  for (const name of ["source", "details"]) {
    const open = narrow.matches
      ? document.body.dataset.sheet === name
      : !document.body.classList.contains(`no-${name}`);
    byId(`show-${name}`).setAttribute("aria-pressed", String(open));
  }
}
narrow.addEventListener("change", pressed);
