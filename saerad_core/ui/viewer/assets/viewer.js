// The viewer: what its panes share, and its place on the page. Nothing is sent back to the server.
const FARTHEST = 16;

class Viewer {
  constructor(root) {
    this.root = root;
    this.view = { zoom: 1, x: 0.5, y: 0.5 };
    this.invert = false;
    this.heatOn = this.held = this.two = false;
    this.heatIndex = this.secondIndex = 0;
    this.panes = [new Pane(this), new Pane(this)];
    this.active = this.panes[0];
    this.panel = panelOf(this);
    this.keySheet = sheetOf(this);
    this.stages = make("div", { className: "stages" }, ...this.panes.map((pane) => pane.stage));
    this.panes.forEach((pane) => listen(this, pane));
    root.append(make("div", { className: "screen" }, this.stages, this.keySheet), this.panel.element);
    root.addEventListener("pointerenter", () => { this.near = true; });
    root.addEventListener("pointerleave", () => { this.near = false; });
  }

  update({ picture, beside, share }) {
    const first = this.panes[0];
    const anew = !first.picture || first.picture.values !== picture.values;
    this.share = share;
    this.plain = { ...picture, label: "the same, without a heatmap", overlays: [] };
    this.beside = [this.plain, ...beside];
    if (anew) {
      Object.assign(this, { view: { zoom: 1, x: 0.5, y: 0.5 }, invert: false, heatOn: false, held: false, heatIndex: 0, secondIndex: 0 });
      this.panel.second.selectedIndex = 0;
      this.asked = this.share ? sharedView(picture) : null;
    }
    // Another sentence brings other features; a heatmap that is on follows the one that it shows.
    const shown = this.overlays()[this.heatIndex];
    first.show(picture);
    const again = shown ? picture.overlays.findIndex((overlay) => overlay.address === shown.address) : -1;
    const follows = again < 0 || (this.overlayTold !== undefined && this.overlayTold !== picture.overlays[0]?.address);
    this.heatIndex = follows ? 0 : again;
    this.overlayTold = picture.overlays[0]?.address;
    this.secondIndex = LIMIT(this.secondIndex, 0, this.beside.length - 1);
    if (this.two) this.panes[1].show(this.beside[this.secondIndex]);
    this.refresh();
  }

  overlays() {
    return this.panes[0].picture?.overlays ?? [];
  }

  arrived(pane) {
    if (pane === this.panes[0] && this.asked) {
      const { center, width, invert, ...view } = this.asked;
      Object.assign(this, { view, invert, asked: null });
      pane.window = { center, width };
    }
    if (pane === this.panes[1] && pane.picture.values === this.panes[0].picture.values) pane.window = this.panes[0].window;
    this.refresh();
  }

  activate(pane) {
    if (this.active === pane) return;
    this.active = pane;
    this.refresh(true);
  }

  // Window and level.
  setWindow(part, pane = this.active) {
    Object.assign(pane.window, part);
    pane.window.width = Math.max(1, pane.window.width);
    this.refresh();
  }

  dragWindow(pane, dx, dy) {
    const { film } = pane;
    const range = Math.max(film.presets[1][2].width, pane.window.width * 0.2);
    // Up is brighter, whichever way the film's values run.
    const way = film.inverse !== this.invert ? -1 : 1;
    this.setWindow({
      width: LIMIT(pane.window.width * Math.exp(dx / 200), 1, 100 * range),
      center: pane.window.center + (way * dy * Math.min(range, pane.window.width * 2)) / 500,
    }, pane);
  }

  preset(index) {
    if (index < 0 || !this.active.film) return;
    this.setWindow(this.active.film.presets[index][2]);
  }

  toggleInvert() {
    this.invert = !this.invert;
    this.refresh();
  }

  // Zoom and place, the same for both panes.
  zoomBy(factor, pane = this.active, clientX = null, clientY = null) {
    if (!pane.film) return;
    const { view } = this;
    const at = pane.at || pane.place();
    // A film smaller than its stage may be shown at its own size.
    const zoom = LIMIT(view.zoom * factor, Math.min(1, 1 / at.fit), Math.max(8, FARTHEST / at.fit));
    const point = clientX === null ? null : pane.under(clientX, clientY);
    if (point) {
      // The point under the pointer stays where it is.
      const seen = (start, size, length) => (size / 2 - start) / length;
      const x = seen(at.left, at.width, pane.film.width * at.scale);
      const y = seen(at.top, at.height, pane.film.height * at.scale);
      view.x = point.x + ((x - point.x) * view.zoom) / zoom;
      view.y = point.y + ((y - point.y) * view.zoom) / zoom;
    }
    view.zoom = zoom;
    this.moved(pane);
  }

  // ``scale``: pixels of the screen a pixel of the film.
  zoomTo(scale) {
    if (!this.active.film) return;
    this.zoomBy(scale / (this.active.place().fit * this.view.zoom));
  }

  pan(pane, dx, dy) {
    const at = pane.at || pane.place();
    const ratio = pane.canvas.width / pane.stage.clientWidth;
    this.view.x -= (dx * ratio) / (pane.film.width * at.scale);
    this.view.y -= (dy * ratio) / (pane.film.height * at.scale);
    this.moved(pane);
  }

  fit() {
    this.view = { zoom: 1, x: 0.5, y: 0.5 };
    this.moved();
  }

  moved(pane = this.active) {
    const { view } = this;
    if (pane.film) {
      const { width, height, scale } = pane.place();
      const within = (value, size, length) => (length <= size ? 0.5 : LIMIT(value, size / 2 / length, 1 - size / 2 / length));
      view.x = within(view.x, width, pane.film.width * scale);
      view.y = within(view.y, height, pane.film.height * scale);
    }
    this.refresh(true);
  }

  reset() {
    this.invert = false;
    for (const pane of this.panes) if (pane.film) Object.assign(pane.window, pane.film.presets[0][2]);
    this.fit();
  }

  // Heatmaps: only over the first pane, and only when asked.
  toggleHeat() {
    if (this.overlays().length) this.heatOn = !this.heatOn;
    this.refresh();
  }

  holdHeat(on) {
    if (this.held === on || !this.overlays().length) return;
    this.held = on;
    this.refresh();
  }

  chooseHeat(index) {
    this.heatIndex = index;
    this.refresh();
  }

  fade(step) {
    this.panel.opacity.value = Number(this.panel.opacity.value) + step;
    this.refresh();
  }

  // Side by side.
  toggleBeside() {
    this.two = !this.two;
    if (this.two) this.panes[1].show(this.beside[this.secondIndex]);
    else this.active = this.panes[0];
    this.refresh(true);
  }

  chooseBeside(index) {
    this.secondIndex = index;
    this.two = true;
    this.panes[1].show(this.beside[index]);
    this.refresh(true);
  }

  fullscreen() {
    if (document.fullscreenElement) document.exitFullscreen();
    else this.root.requestFullscreen?.().catch(() => this.say("This browser has no full screen here."));
  }

  sheet(on = this.keySheet.hidden) {
    this.keySheet.hidden = !on;
    if (on) this.keySheet.focusFirst();
    else this.active.stage.focus({ preventScroll: true });
  }

  // Known once a pane has been laid out.
  tellZoom(pane) {
    if (pane === this.active) this.panel.zoom.value = Math.round(pane.at.scale * 100);
  }

  say(text) {
    this.panel.said.textContent = text;
  }

  // The page as the state has it.
  refresh(moved = false) {
    const { panel, active } = this;
    const overlays = this.overlays();
    this.root.classList.toggle("two", this.two);
    this.panes[1].stage.hidden = !this.two;
    this.panes.forEach((pane) => pane.stage.classList.toggle("active", this.two && pane === active));
    if (this.two && this.panes[1].film && this.panes[1].picture.values === this.panes[0].picture.values)
      this.panes[1].window = this.panes[0].window;
    this.panes.forEach((pane) => (pane === this.panes[0] || this.two) && pane.draw(moved));

    const { film } = active;
    const put = (input, value) => { if (Number(input.value) !== value || input.value === "") input.value = value; };
    if (film) {
      put(panel.width, rounded(active.window.width));
      put(panel.center, rounded(active.window.center));
      fill(panel.preset, ["Set by hand", ...film.presets.map(([name]) => name)]);
      const same = (preset) => Math.abs(preset.width - active.window.width) < 1e-6 && Math.abs(preset.center - active.window.center) < 1e-6;
      const index = film.presets.findIndex(([, , preset]) => same(preset));
      panel.preset.selectedIndex = index + 1;
      panel.preset.title = `${index < 0 ? "Windows by shares of the film's own values." : film.presets[index][1]} Keys: 1 to 5`;
      panel.note.textContent = `${film.width} × ${film.height}, ${film.note}`;
      panel.note.classList.toggle("warn", film.eightBit);
    } else panel.note.textContent = "";
    panel.invert.setAttribute("aria-pressed", String(this.invert));
    panel.beside.setAttribute("aria-pressed", String(this.two));
    panel.heat.setAttribute("aria-pressed", String(this.heatOn));
    panel.hold.setAttribute("aria-pressed", String(this.held));
    panel.heatBar.hidden = !overlays.length;
    fill(panel.which, overlays.map((overlay) => overlay.name));
    if (overlays.length) panel.which.selectedIndex = LIMIT(this.heatIndex, 0, overlays.length - 1);
    fill(panel.second, this.beside.map((picture) => picture.label));
    panel.second.selectedIndex = this.secondIndex;
    panel.second.hidden = !this.two;

    const heat = this.panes[0].heat;
    const chosen = overlays[this.heatIndex];
    const asked = Boolean(chosen) && this.heatOn !== this.held;
    // A feature whose heatmaps are no better than a guess has a sentence in place of an address.
    const on = asked && Boolean(chosen.address);
    if (on && heat.getAttribute("src") !== chosen.address) {
      this.say("Drawing the heatmap");
      heat.src = chosen.address;
    }
    heat.classList.toggle("on", on);
    heat.style.opacity = panel.opacity.value;
    panel.truth.textContent = asked ? chosen.says : "";
    if (!on) this.say("");
    this.tellAddress();
  }

  // Window, inversion and zoom in the address, so that a link shows what its sender saw. The server isn't asked.
  tellAddress() {
    if (!this.share || !this.panes[0].film) return;
    clearTimeout(this.telling);
    this.telling = setTimeout(() => {
      const pane = this.panes[0];
      const { center, width } = pane.film.presets[0][2];
      const untouched = pane.window.center === center && pane.window.width === width && !this.invert && this.view.zoom === 1;
      const url = new URL(window.location.href);
      const told = [nameOf(pane.picture), rounded(pane.window.center), rounded(pane.window.width), Number(this.invert),
        this.view.zoom.toFixed(3), this.view.x.toFixed(4), this.view.y.toFixed(4)].join("_");
      if (untouched) url.searchParams.delete("view");
      else url.searchParams.set("view", told);
      if (url.href !== window.location.href && this.root.isConnected) window.history.replaceState(window.history.state, "", url);
    }, 250);
  }
}

// A short name, so that a view is never laid over another X-ray.
function nameOf(picture) {
  let hash = 2166136261;
  for (const letter of picture.values) hash = Math.imul(hash ^ letter.charCodeAt(0), 16777619) >>> 0;
  return hash.toString(36);
}

function sharedView(picture) {
  const [name, ...parts] = (new URL(window.location.href).searchParams.get("view") || "").split("_");
  const [center, width, invert, zoom, x, y] = parts.map(Number);
  if (name !== nameOf(picture) || parts.length !== 6 || !parts.every((part) => Number.isFinite(Number(part)))) return null;
  return { center, width: Math.max(1, width), invert: invert === 1, zoom: LIMIT(zoom, 0.02, 64), x: LIMIT(x, 0, 1), y: LIMIT(y, 0, 1) };
}

export default function ({ data, parentElement }) {
  const root = parentElement.querySelector(".v");
  const viewer = (root.viewer ||= new Viewer(root));
  viewer.update(data);
  root.detach?.();

  const typing = (element) => element?.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(element?.tagName ?? "");
  const down = (event) => {
    const target = event.composedPath()[0];
    if (event.key === "Escape" && !viewer.keySheet.hidden) return void viewer.sheet(false);
    if (event.metaKey || event.ctrlKey || event.altKey || typing(target)) return;
    const inside = event.composedPath().includes(root);
    if (event.key === "Escape" && inside) return void target.blur();
    // The page's own H goes on to the thumbnails.
    if (event.key.toLowerCase() === "h") return void viewer.holdHeat(true);
    const onStage = viewer.panes.some((pane) => pane.stage === target);
    if (!keyDown(viewer, event, onStage, inside || viewer.near)) return;
    event.preventDefault();
    event.stopImmediatePropagation();
  };
  const up = (event) => { if (event.key.toLowerCase() === "h") viewer.holdHeat(false); };
  const away = () => viewer.holdHeat(false);
  window.addEventListener("keydown", down, true);
  window.addEventListener("keyup", up, true);
  window.addEventListener("blur", away);
  root.detach = () => {
    window.removeEventListener("keydown", down, true);
    window.removeEventListener("keyup", up, true);
    window.removeEventListener("blur", away);
  };
  return () => root.detach();
}
