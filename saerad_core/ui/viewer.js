// One X-ray. Drag: window (sideways) and level (up and down). Wheel: zoom. Shift and drag: move. Keys: I, Z, H.
const LIMIT = (value, low, high) => Math.min(high, Math.max(low, value));

export default function ({ data, parentElement }) {
  const root = parentElement.querySelector(".v");
  if (!root.stage) build(root);
  const { state } = root;
  if (state.picture !== data.picture) {
    state.picture = data.picture;
    root.image.src = data.picture;
    reset(root);
  }
  root.image.alt = data.label;
  root.stage.setAttribute("aria-label", data.label);
  if (state.heat !== data.heat) {
    state.heat = data.heat;
    if (data.heat) root.heat.src = data.heat;
    else root.heat.removeAttribute("src");
    root.classList.toggle("heat-on", Boolean(data.heat));
  }
  root.heatBar.hidden = !data.heat;
  root.heatOf.textContent = data.heatOf;
  draw(root);

  const key = (event) => {
    const active = document.activeElement;
    if (active && /^(INPUT|TEXTAREA|SELECT)$/.test(active.tagName)) return;
    if (event.metaKey || event.ctrlKey || event.altKey) return;
    const name = event.key.toLowerCase();
    if (name === "i" && event.type === "keydown") invert(root);
    if (name === "z" && event.type === "keydown") { reset(root); draw(root); }
    // With a heatmap on screen, H takes it away while it is held: the bare X-ray is one key away.
    if (name === "h" && state.heat) root.classList.toggle("heat-on", event.type === "keyup");
  };
  document.addEventListener("keydown", key);
  document.addEventListener("keyup", key);
  return () => {
    document.removeEventListener("keydown", key);
    document.removeEventListener("keyup", key);
  };
}

function build(root) {
  root.state = { picture: "", heat: "", window: 1, level: 1, invert: false, zoom: 1, x: 0, y: 0 };
  const make = (tag, properties = {}, ...children) => {
    const element = Object.assign(document.createElement(tag), properties);
    element.append(...children);
    return element;
  };
  root.image = make("img", { className: "xray" });
  root.heat = make("img", { className: "heat", alt: "" });
  root.layer = make("div", { className: "layer" }, root.image, root.heat);
  root.stage = make("div", { className: "stage", tabIndex: 0 }, root.layer);
  root.stage.setAttribute("role", "img");
  root.inverter = make("button", { type: "button", textContent: "Invert", title: "Swap black and white. Key: I" });
  const whole = make("button", { type: "button", textContent: "Reset", title: "Window, level and zoom as at first. Key: Z" });
  root.hint = make("span", { className: "hint", title: "Drag on the X-ray: sideways for window, up and down for level. Wheel: zoom. Shift and drag: move." });
  root.heatOf = make("span");
  root.opacity = make("input", { type: "range", min: 0.1, max: 0.9, step: 0.05, value: 0.5 });
  root.opacity.setAttribute("aria-label", "Opacity of the heatmap");
  root.heatBar = make("label", { className: "bar", title: "Opacity of the heatmap. Hold H to see the bare X-ray." }, root.heatOf, root.opacity);
  root.append(root.stage, make("div", { className: "bar" }, root.inverter, whole, root.hint), root.heatBar);

  root.inverter.addEventListener("click", () => invert(root));
  whole.addEventListener("click", () => { reset(root); draw(root); });
  root.opacity.addEventListener("input", () => draw(root));
  root.stage.addEventListener("pointerdown", (event) => root.stage.setPointerCapture(event.pointerId));
  root.stage.addEventListener("pointermove", (event) => {
    if (!event.buttons) return;
    const { state } = root;
    if (event.shiftKey) {
      state.x += event.movementX;
      state.y += event.movementY;
    } else {
      state.window = LIMIT(state.window * Math.exp(event.movementX / 200), 0.3, 6);
      state.level = LIMIT(state.level * Math.exp(-event.movementY / 250), 0.3, 3);
    }
    draw(root);
  });
  root.stage.addEventListener("wheel", (event) => {
    event.preventDefault();
    const { state } = root;
    const box = root.stage.getBoundingClientRect();
    const zoom = LIMIT(state.zoom * Math.exp(-event.deltaY / 400), 1, 8);
    const [px, py] = [event.clientX - box.left, event.clientY - box.top];
    // The point under the pointer stays where it is.
    state.x = px - ((px - state.x) * zoom) / state.zoom;
    state.y = py - ((py - state.y) * zoom) / state.zoom;
    state.zoom = zoom;
    if (zoom === 1) state.x = state.y = 0;
    draw(root);
  }, { passive: false });
}

function reset(root) {
  Object.assign(root.state, { window: 1, level: 1, invert: false, zoom: 1, x: 0, y: 0 });
}

function invert(root) {
  root.state.invert = !root.state.invert;
  draw(root);
}

function draw(root) {
  const { state } = root;
  root.image.style.filter = `${state.invert ? "invert(1) " : ""}brightness(${state.level}) contrast(${state.window})`;
  root.layer.style.transform = `translate(${state.x}px, ${state.y}px) scale(${state.zoom})`;
  root.heat.style.opacity = root.opacity.value;
  root.inverter.setAttribute("aria-pressed", String(state.invert));
  const percent = (value) => `${Math.round(value * 100)} %`;
  root.hint.textContent = `window ${percent(1 / state.window)} · level ${percent(state.level)} · zoom ${state.zoom.toFixed(1)}`;
}
