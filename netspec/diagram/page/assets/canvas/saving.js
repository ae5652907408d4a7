// The drawing as a file, as it is open and coloured now; and on paper.

const LOOKS = ["fill", "fill-opacity", "stroke", "stroke-width", "stroke-dasharray", "stroke-linejoin", "opacity"];
const LETTERS = ["font-family", "font-size", "font-weight", "font-style"];
/** Pixels for a point in a saved picture: 200 dots an inch. */
const FINE = 200 / 72;

/** The whole drawing as an SVG of its own: looks that come from the page's style are written out, controls left out. */
function copied() {
  const [from, to] = [stage, stage.cloneNode(true)];
  const sources = from.querySelectorAll("*");
  to.querySelectorAll("*").forEach((element, index) => {
    const style = getComputedStyle(sources[index]);
    const names = element.tagName === "text" ? [...LOOKS, ...LETTERS] : LOOKS;
    for (const name of element.getAttributeNames())
      if (/^(aria-|data-|role$|tabindex$|class$|style$)/.test(name)) element.removeAttribute(name);
    for (const name of names) element.setAttribute(name, style.getPropertyValue(name));
  });
  const left = ".sign, .halo, .touch";
  const gone = [...sources].flatMap((element, index) => (element.matches(left) ? [index] : []));
  const all = [...to.querySelectorAll("*")];
  for (const index of gone) all[index].remove();
  to.removeAttribute("transform");
  const { width, height } = arranged;
  const size = { width: `${number(width)}pt`, height: `${number(height)}pt` };
  const paper = getComputedStyle(document.body).backgroundColor;
  const ground = svg("rect", { width: number(width), height: number(height), fill: paper });
  const whole = svg("svg", { ...size, viewBox: `0 0 ${number(width)} ${number(height)}` }, ground, to);
  return new XMLSerializer().serializeToString(whole);
}

const drawn = () => new Blob([copied()], { type: "image/svg+xml" });

function download(blob, ending) {
  const address = URL.createObjectURL(blob);
  const link = html("a", { href: address, download: `${data.net.name}.${ending}` });
  link.click();
  setTimeout(() => URL.revokeObjectURL(address), 10_000);
}

function savePng() {
  const address = URL.createObjectURL(drawn());
  const image = new Image();
  image.onload = () => {
    const canvas = html("canvas", {});
    const most = 16_000 / Math.max(arranged.width, arranged.height);
    const scale = Math.min(FINE, most);
    canvas.width = Math.round(arranged.width * scale);
    canvas.height = Math.round(arranged.height * scale);
    canvas.getContext("2d").drawImage(image, 0, 0, canvas.width, canvas.height);
    URL.revokeObjectURL(address);
    canvas.toBlob((blob) => download(blob, "png"));
  };
  image.src = address;
}

/** On paper the whole drawing stands on the page, wherever the reader was. */
addEventListener("beforeprint", () => {
  view.setAttribute("viewBox", `0 0 ${number(arranged.width)} ${number(arranged.height)}`);
  stage.removeAttribute("transform");
});
addEventListener("afterprint", () => {
  view.removeAttribute("viewBox");
  camera.apply();
});
