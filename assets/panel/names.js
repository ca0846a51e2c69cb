/** Names and pictures over the map: those that matter most first, none over another, more of them the closer one looks. */

const FONT = "12px Inter, Roboto, sans-serif";
const LINE = 20; // pixels of a name's height
const PICTURE = 44; // pixels
const GAP = 3;
const COARSE_BELOW = 2.2; // zoom up to which names of groups come first, where there are some

/**
 * @typedef {object} Name
 * @property {string} text
 * @property {[number, number]} at its place on the map
 * @property {string} color
 * @property {number} [cluster]
 * @property {string} [picture] address
 * @property {boolean} [coarse] whether it is of a group of clusters
 */

const measured = new Map();
const ruler = document.createElement("canvas").getContext("2d");

function widthOf(text) {
  if (!measured.has(text)) {
    ruler.font = FONT;
    measured.set(text, Math.ceil(ruler.measureText(text).width) + 12);
  }
  return measured.get(text);
}

/**
 * Chooses what is written and where.
 * @param {Name[]} names the most important first
 * @param {(u: number, v: number) => [number, number]} pixel
 * @param {{width: number, height: number, zoom: number}} view
 * @returns {{name: Name, x: number, y: number, width: number, pictured: boolean}[]}
 */
export function placeNames(names, pixel, { width, height, zoom }) {
  const coarse = names.filter((name) => name.coarse);
  const fine = names.filter((name) => !name.coarse);
  const placed = [];
  const free = (box) =>
    placed.every(
      (other) =>
        box.x + box.width + GAP <= other.x || other.x + other.width + GAP <= box.x ||
        box.y + box.height + GAP <= other.y || other.y + other.height + GAP <= box.y
    );
  for (const name of coarse.length && zoom < COARSE_BELOW ? [...coarse, ...fine] : fine) {
    const [px, py] = pixel(...name.at);
    if (px < 0 || py < 0 || px > width || py > height) continue;
    const wide = widthOf(name.text);
    for (const pictured of name.picture ? [true, false] : [false]) {
      const box = { name, pictured, width: pictured ? Math.max(wide, PICTURE) : wide, height: LINE + (pictured ? PICTURE : 0) };
      box.x = within(px - box.width / 2, width - box.width);
      box.y = within(py - (pictured ? PICTURE + LINE / 2 : LINE / 2), height - box.height);
      if (free(box)) {
        placed.push(box);
        break;
      }
    }
  }
  return placed;
}

const within = (value, most) => Math.round(Math.max(0, Math.min(most, value)));

/** Elements of names in a layer over the map, which are kept while the map moves. */
export class NameLayer {
  /** @param {HTMLElement} layer */
  constructor(layer) {
    this.layer = layer;
    this.elements = new Map();
  }

  /** @param {ReturnType<typeof placeNames>} placed */
  show(placed) {
    const left = new Map(this.elements);
    for (const box of placed) {
      const { name, x, y, width } = box;
      const key = `${name.coarse ? "group" : "cluster"} ${name.text} ${name.at} ${name.picture ?? ""}`;
      const element = left.get(key) ?? this.#add(key, name);
      left.delete(key);
      element.style.transform = `translate(${x}px, ${y}px)`;
      element.style.width = `${width}px`;
      const picture = element.querySelector("img");
      if (picture) picture.style.display = box.pictured ? "block" : "none";
    }
    for (const [key, element] of left) {
      element.remove();
      this.elements.delete(key);
    }
  }

  #add(key, { text, color, picture, coarse }) {
    const element = document.createElement("div");
    element.className = "constellation-name";
    Object.assign(element.style, { position: "absolute", left: 0, top: 0, textAlign: "center", font: FONT, pointerEvents: "none" });
    if (picture) {
      const image = new Image();
      Object.assign(image, { src: picture, width: PICTURE - 4, height: PICTURE - 4, alt: "" });
      Object.assign(image.style, { margin: "0 auto 2px", objectFit: "cover", borderRadius: "3px", border: `2px solid ${color}`, boxSizing: "border-box" });
      element.append(image);
    }
    const words = document.createElement("span");
    words.textContent = text; // as it is, whatever a name has in it
    Object.assign(words.style, {
      display: "block", lineHeight: `${LINE - 4}px`, padding: "0 4px", borderRadius: "4px", border: `1px solid ${color}`,
      background: "rgba(24, 24, 27, .82)", color: "#fff", whiteSpace: "nowrap", unicodeBidi: "plaintext", fontWeight: coarse ? 700 : 400,
    });
    element.append(words);
    this.layer.append(element);
    this.elements.set(key, element);
    return element;
  }
}
