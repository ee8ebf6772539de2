// What stands around the map: tools, legend, the words beside a point.
function make(tag, properties = {}, ...children) {
  const { dataset, ...plain } = properties;
  const element = Object.assign(document.createElement(tag), plain);
  Object.assign(element.dataset, dataset);
  element.append(...children);
  return element;
}

const TOOLS = [
  ["lasso", "Lasso", "Draw around features. Key: L"],
  ["box", "Box", "Draw a box around features. Key: B"],
  ["move", "Move", "Drag the map. Key: M; arrows move it too"],
];
const ACTS = [
  ["in", "+", "Closer. Key: + or the wheel"],
  ["out", "\u2212", "Farther. Key: \u2212"],
  ["all", "All", "The whole map. Key: 0"],
  ["sight", "In sight", "Choose what is in sight. Key: Enter"],
  ["none", "Clear", "Choose nothing. Key: Escape"],
];

function panelOf(atlas) {
  const button = ([name, text, title], does) =>
    make("button", { type: "button", textContent: text, title, dataset: { name }, onclick: () => does(name) });
  const tools = TOOLS.map((tool) => button(tool, (name) => atlas.take(name)));
  const acts = ACTS.map((act) => button(act, (name) => atlas.act(name)));
  const legend = make("div", { className: "legend" });
  const bar = make("div", { className: "bar", role: "toolbar", ariaLabel: "Map" },
    make("span", { className: "group" }, ...tools), make("span", { className: "group" }, ...acts));
  const canvas = make("canvas", { tabIndex: 0, role: "application", ariaLabel: "Map of features. Arrows move it, plus and minus zoom, Enter chooses what is in sight, Escape chooses nothing." });
  const words = make("div", { className: "words", hidden: true });
  const message = make("div", { className: "message", role: "status" });
  const stage = make("div", { className: "stage" }, canvas, words, message,
    make("span", { className: "axis x", textContent: "UMAP 1" }), make("span", { className: "axis y", textContent: "UMAP 2" }));
  return { bar, legend, canvas, words, message, stage, tools };
}

const THIN = "\u202f";
const counted = (n) => String(n).replace(/\B(?=(\d{3})+$)/g, THIN);

function short(value) {
  const size = Math.abs(value);
  if (value === 0) return "0";
  if (size >= 1000) return counted(Math.round(value));
  return String(Number(value.toPrecision(2)));
}

function showLegend(element, head, theme) {
  const table = head.tables[theme];
  const entry = (colour, text) => {
    const mark = make("i", { className: "dot" });
    mark.style.background = colour;
    return make("span", { className: "entry" }, mark, text);
  };
  const parts = [make("b", { textContent: head.title })];
  if (head.names) parts.push(...head.names.map(([name, n, code]) => entry(table[code], `${name} ${counted(n)}`)));
  else {
    const strip = make("i", { className: "strip" });
    strip.style.background = `linear-gradient(90deg, ${table.slice(1).join(", ")})`;
    parts.push(make("span", { className: "entry" }, short(head.lo), strip, short(head.hi), head.log ? ", by the logarithm" : ""));
  }
  if (head.unknown) parts.push(entry(table[0], `${head.names ? "none" : "no value"} ${counted(head.unknown)}`));
  element.replaceChildren(...parts);
}
