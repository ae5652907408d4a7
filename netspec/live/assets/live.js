// The page around the picture: it takes the newest one in, moves what was there to its new place, and shows what is wrong.

const SWIFT = 250;
const still = matchMedia("(prefers-reduced-motion: reduce)");
let front = document.getElementById("front");
let version = 0;
let selected = "";

/** Each box of a picture by its name, with where it stands on the screen. */
function standing(frame) {
  const inside = frame.contentDocument;
  const data = inside?.getElementById("data");
  if (!data) return new Map();
  const { columns, rows } = JSON.parse(data.textContent).boxes;
  const name = columns.indexOf("name");
  const found = new Map();
  for (const item of inside.querySelectorAll("[data-box]")) {
    const called = rows[item.dataset.box]?.[name];
    if (called && !found.has(called)) found.set(called, { item, place: item.getBoundingClientRect() });
  }
  return found;
}

/** Moves what is in both pictures from its old place to its new one, and lets what is new appear. */
function move(before, after) {
  if (still.matches) return;
  for (const [name, { item, place }] of after) {
    const old = before.get(name)?.place;
    const scale = item.getScreenCTM()?.a || 1;
    const from = old && `translate(${(old.x - place.x) / scale}px, ${(old.y - place.y) / scale}px)`;
    item.animate(old ? { transform: [from, "none"] } : { opacity: [0, 1] }, { duration: SWIFT, easing: "ease-out" });
  }
}

/** Takes the newest picture in, behind the one that is seen until it is whole. */
function take(next) {
  version = next;
  const coming = document.createElement("iframe");
  coming.className = "coming";
  coming.title = "The net";
  coming.src = `page?${next}${selected ? `#${encodeURIComponent(selected)}` : ""}`;
  coming.addEventListener("load", () => {
    if (version !== next) return coming.remove();
    const before = standing(front);
    front.remove();
    front = coming;
    coming.className = "";
    document.title = coming.contentDocument.title;
    move(before, standing(coming));
  });
  document.body.prepend(coming);
}

new EventSource("news").addEventListener("message", ({ data }) => {
  const news = JSON.parse(data);
  if (news.select !== undefined) {
    selected = news.select;
    const place = front.contentWindow?.location;
    if (place && decodeURIComponent(place.hash.slice(1)) !== selected) place.hash = encodeURIComponent(selected);
    return;
  }
  const wrong = document.getElementById("wrong");
  wrong.textContent = news.wrong;
  wrong.hidden = !news.wrong;
  document.body.classList.toggle("behind", Boolean(news.wrong));
  if (news.version && news.version !== version) take(news.version);
});

/** What is selected in the picture is told to the editor. */
setInterval(() => {
  const hash = front.contentWindow?.location.hash ?? "";
  const name = decodeURIComponent(hash.slice(1));
  if (!name || name === selected) return;
  selected = name;
  fetch("select", { method: "POST", body: name });
}, 200);
