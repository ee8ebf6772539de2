// Mouse, touch and keys.
const SHEET = [
  ["Drag", "window sideways, level up and down"],
  ["Shift-drag, right drag", "move"],
  ["Wheel, two fingers", "zoom"],
  ["Double click", "fit"],
  ["← → ↑ ↓", "window, level; with Shift: move"],
  ["+ −", "zoom"],
  ["0 · 9", "fit · one to one"],
  ["1 to 5", "presets"],
  ["I", "invert"],
  ["H, held", "heatmap while it is held"],
  ["O", "heatmap on and off"],
  ["[ ]", "opacity of the heatmap"],
  ["B", "side by side"],
  ["F", "full screen"],
  ["Z", "reset"],
  ["? · Esc", "this list · leave the viewer"],
];

function sheetOf(viewer) {
  const rows = SHEET.map(([key, what]) => make("tr", {}, make("th", { textContent: key, scope: "row" }), make("td", { textContent: what })));
  const close = make("button", { type: "button", textContent: "Close" });
  close.addEventListener("click", () => viewer.sheet(false));
  const sheet = make("div", { className: "sheet", hidden: true }, close, make("table", {}, make("tbody", {}, ...rows)));
  sheet.setAttribute("role", "dialog");
  sheet.setAttribute("aria-label", "Keys of the viewer");
  sheet.focusFirst = () => close.focus();
  return sheet;
}

function listen(viewer, pane) {
  const { stage } = pane;
  const pointers = new Map();
  let moved = 0;
  stage.addEventListener("pointerdown", (event) => {
    if (event.target.closest(".corner")) return;
    viewer.activate(pane);
    stage.focus({ preventScroll: true });
    stage.setPointerCapture(event.pointerId);
    pointers.set(event.pointerId, [event.clientX, event.clientY]);
    moved = 0;
    event.preventDefault();
  });
  const up = (event) => pointers.delete(event.pointerId);
  for (const name of ["pointerup", "pointercancel", "lostpointercapture"]) stage.addEventListener(name, up);
  stage.addEventListener("pointermove", (event) => {
    pane.tell(event);
    const before = pointers.get(event.pointerId);
    if (!before || !pane.film) return;
    const [dx, dy] = [event.clientX - before[0], event.clientY - before[1]];
    const other = [...pointers].find(([id]) => id !== event.pointerId);
    pointers.set(event.pointerId, [event.clientX, event.clientY]);
    moved += Math.abs(dx) + Math.abs(dy);
    if (other) {
      const [ox, oy] = other[1];
      const apart = (x, y) => Math.hypot(x - ox, y - oy) || 1;
      viewer.zoomBy(apart(event.clientX, event.clientY) / apart(...before), pane, (event.clientX + ox) / 2, (event.clientY + oy) / 2);
      viewer.pan(pane, dx / 2, dy / 2);
    } else if (event.shiftKey || event.buttons & 6) viewer.pan(pane, dx, dy);
    else viewer.dragWindow(pane, dx, dy);
  });
  stage.addEventListener("pointerleave", () => { pane.value.textContent = ""; });
  stage.addEventListener("contextmenu", (event) => { if (moved > 3) event.preventDefault(); });
  stage.addEventListener("dblclick", () => viewer.fit());
  stage.addEventListener("focus", () => viewer.activate(pane));
  stage.addEventListener("wheel", (event) => {
    event.preventDefault();
    const lines = event.deltaMode === 1 ? 16 : 1;
    viewer.zoomBy(Math.exp((-event.deltaY * lines) / 400), pane, event.clientX, event.clientY);
  }, { passive: false });
}

const STEP = 24;

// True where the key was the viewer's. Arrows only with the focus on a stage: pages use them too.
function keyDown(viewer, event, onStage, near) {
  const pane = viewer.active;
  const name = event.key.length === 1 ? event.key.toLowerCase() : event.key;
  const arrows = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
  if (arrows[name]) {
    if (!onStage || !pane.film) return false;
    const [dx, dy] = arrows[name];
    if (event.shiftKey) viewer.pan(pane, -dx * STEP * 2, -dy * STEP * 2);
    else viewer.dragWindow(pane, dx * STEP, dy * STEP);
    return true;
  }
  // Wherever the reader is on the page.
  const always = { i: () => viewer.toggleInvert(), z: () => viewer.reset() };
  const nearby = {
    "+": () => viewer.zoomBy(1.25), "=": () => viewer.zoomBy(1.25), "-": () => viewer.zoomBy(0.8),
    0: () => viewer.fit(), 9: () => viewer.zoomTo(1), o: () => viewer.toggleHeat(), b: () => viewer.toggleBeside(),
    f: () => viewer.fullscreen(), "[": () => viewer.fade(-0.1), "]": () => viewer.fade(0.1), "?": () => viewer.sheet(),
  };
  for (let n = 0; n < 5; n++) nearby[n + 1] = () => viewer.preset(n);
  const act = always[name] || (near && nearby[name]);
  if (act) act();
  return Boolean(act);
}
