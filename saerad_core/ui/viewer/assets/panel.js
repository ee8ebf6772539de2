// Buttons and fields below the stages. Each says its key.
function panelOf(viewer) {
  const button = (text, title, click) => {
    const element = make("button", { type: "button", textContent: text, title });
    element.addEventListener("click", click);
    return element;
  };
  const field = (name, title, set) => {
    const input = make("input", { type: "number", step: "any" });
    input.addEventListener("change", () => {
      if (input.value !== "" && Number.isFinite(Number(input.value))) set(Number(input.value));
      viewer.refresh();
    });
    return [input, make("label", { title }, make("span", { textContent: name }), input)];
  };
  const select = (label, title, choose) => {
    const element = make("select", { title });
    element.setAttribute("aria-label", label);
    element.addEventListener("change", () => choose(element.selectedIndex));
    return element;
  };
  const panel = {};
  const bar = (...parts) => make("div", { className: "bar" }, ...parts);

  panel.preset = select("Window preset", "Windows by shares of the film's own values. Keys: 1 to 5", (index) => viewer.preset(index - 1));
  [panel.width, panel.widthLabel] = field("Window", "Width of the range of values that is shown. Drag sideways, or left and right arrow", (v) => viewer.setWindow({ width: v }));
  [panel.center, panel.centerLabel] = field("Level", "Middle of the range of values that is shown. Drag up and down, or up and down arrow", (v) => viewer.setWindow({ center: v }));
  [panel.zoom, panel.zoomLabel] = field("Zoom %", "100 shows one pixel of the film on one of the screen. Wheel, or + and -", (v) => viewer.zoomTo(v / 100));
  panel.invert = button("Invert", "Swap black and white. Key: I", () => viewer.toggleInvert());
  panel.fit = button("Fit", "The whole film. Key: 0, or a double click", () => viewer.fit());
  panel.real = button("1:1", "One pixel of the film on one of the screen. Key: 9", () => viewer.zoomTo(1));
  panel.reset = button("Reset", "Window, inversion and zoom as at first. Key: Z", () => viewer.reset());
  panel.large = button("Full screen", "The viewer alone on the screen. Key: F", () => viewer.fullscreen());
  panel.keys = button("Keys", "What every key does. Key: ?", () => viewer.sheet());

  panel.heat = button("Heatmap", "Where the chosen feature looks, over the X-ray. Off until asked: a mark draws the eye. Key: O", () => viewer.toggleHeat());
  panel.which = select("Feature of the heatmap", "Whose heatmap: features behind the chosen sentence first", (index) => viewer.chooseHeat(index));
  panel.hold = make("button", { type: "button", textContent: "Hold", title: "Shows the heatmap as long as it is held; hides it where it is on. Key: H" });
  const holding = (on) => (event) => {
    if (event.type.startsWith("key") && !["Enter", " "].includes(event.key)) return;
    event.preventDefault();
    if (!event.repeat) viewer.holdHeat(on);
  };
  for (const name of ["pointerdown", "keydown"]) panel.hold.addEventListener(name, holding(true));
  for (const name of ["pointerup", "pointerleave", "pointercancel", "keyup", "blur"]) panel.hold.addEventListener(name, holding(false));
  panel.opacity = make("input", { type: "range", min: 0.1, max: 1, step: 0.05, value: 0.6, title: "Opacity of the heatmap. Keys: [ and ]" });
  panel.opacity.setAttribute("aria-label", "Opacity of the heatmap");
  panel.opacity.addEventListener("input", () => viewer.refresh());

  panel.beside = button("Side by side", "A second X-ray beside it, moved and zoomed together. Key: B", () => viewer.toggleBeside());
  panel.second = select("X-ray beside", "Which X-ray stands beside", (index) => viewer.chooseBeside(index));
  panel.note = make("div", { className: "note" });
  panel.said = make("span");
  panel.said.setAttribute("role", "status");
  panel.truth = make("div", { className: "quiet truth" });
  panel.truth.setAttribute("role", "status");
  panel.heatBar = bar(panel.heat, panel.hold, panel.which, panel.opacity);
  panel.element = make("div", { className: "panel" },
    bar(panel.preset, panel.widthLabel, panel.centerLabel),
    bar(panel.invert, panel.fit, panel.real, panel.reset, panel.zoomLabel),
    panel.heatBar,
    panel.truth,
    bar(panel.beside, panel.large, panel.keys, panel.second),
    make("div", { className: "bar quiet" }, panel.note, panel.said));
  return panel;
}

// Fills a list anew only where it has changed, so that an open one stays open.
function fill(select, names) {
  const told = JSON.stringify(names);
  if (select.told === told) return;
  const chosen = select.selectedIndex;
  select.told = told;
  select.replaceChildren(...names.map((name) => make("option", { textContent: name })));
  select.selectedIndex = LIMIT(chosen, 0, names.length - 1);
}
