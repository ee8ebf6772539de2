// One X-ray on its stage: the film on a canvas, heatmaps over it, and the sides of the patient at its edges.
class Pane {
  constructor(viewer) {
    this.viewer = viewer;
    this.film = null;
    this.window = { center: 128, width: 256 };
    this.canvas = make("canvas", { className: "xray" });
    this.context = this.canvas.getContext("2d", { alpha: false });
    this.heat = make("img", { className: "heat", alt: "" });
    this.map = make("canvas", { className: "map" });
    this.seen = make("i");
    this.corner = make("div", { className: "corner", hidden: true }, this.map, this.seen);
    this.title = make("span", { className: "mark title" });
    this.value = make("span", { className: "mark value" });
    this.message = make("div", { className: "message" });
    this.message.setAttribute("role", "status");
    const sides = "By the convention of frontal views. The marker in the film itself decides; nothing here mirrors a film.";
    this.stage = make("div", { className: "stage", tabIndex: 0 }, this.canvas, this.heat,
      make("span", { className: "mark right", textContent: "R", title: `Patient's right. ${sides}` }),
      make("span", { className: "mark left", textContent: "L", title: `Patient's left. ${sides}` }),
      this.title, this.corner, this.value, this.message);
    this.stage.setAttribute("role", "application");
    this.stage.setAttribute("aria-roledescription", "X-ray viewer");
    // Read by the benchmark.
    this.stage.draws = { n: 0, ms: 0 };
    new ResizeObserver(() => this.draw(true)).observe(this.stage);
    this.heat.addEventListener("load", () => this.viewer.say(""));
    this.heat.addEventListener("error", () => this.heat.getAttribute("src") && this.viewer.say("The heatmap can't be had."));
  }

  async show(picture) {
    if (this.picture && this.picture.values === picture.values) {
      this.picture = picture;
      return;
    }
    this.picture = picture;
    this.film = null;
    this.heat.removeAttribute("src");
    this.title.textContent = picture.label;
    this.stage.setAttribute("aria-label", `${picture.label}. Press question mark for keys.`);
    this.stage.dataset.state = "loading";
    this.message.textContent = "Reading the values";
    this.draw(true);
    let film = null;
    try {
      film = await filmOf(picture);
    } catch (error) {
      if (this.picture.values !== picture.values) return;
      this.message.textContent = error.message;
      this.stage.dataset.state = "missing";
      return;
    }
    if (this.picture.values !== picture.values) return;
    this.film = film;
    this.message.textContent = "";
    this.window = { ...film.presets[0][2] };
    this.stage.dataset.state = film.eightBit ? "picture" : "values";
    this.viewer.arrived(this);
    this.draw(true);
  }

  // Where the film lies on the canvas, in the canvas's own pixels.
  place() {
    const { width, height } = this.canvas;
    const { view } = this.viewer;
    const fit = Math.min(width / this.film.width, height / this.film.height);
    const scale = fit * view.zoom;
    const start = (size, length, at) => {
      const free = size - length;
      return Math.round(free >= 0 ? free / 2 : LIMIT(size / 2 - at * length, free, 0));
    };
    const [w, h] = [this.film.width * scale, this.film.height * scale];
    return { width, height, scale, fit, left: start(width, w, view.x), top: start(height, h, view.y) };
  }

  // ``moved``: not only the window has changed.
  draw(moved) {
    this.moved ||= moved;
    this.frame ||= requestAnimationFrame(() => {
      this.frame = 0;
      this.paint(this.moved);
      this.moved = false;
    });
  }

  paint(moved) {
    const began = performance.now();
    const ratio = window.devicePixelRatio || 1;
    const [width, height] = [Math.round(this.stage.clientWidth * ratio), Math.round(this.stage.clientHeight * ratio)];
    if (!width || !height) return;
    if (this.canvas.width !== width || this.canvas.height !== height || !this.image) {
      Object.assign(this.canvas, { width, height });
      this.image = this.context.createImageData(width, height);
      this.pixels = new Uint32Array(this.image.data.buffer);
      this.samples = new Uint16Array(width * height);
      moved = true;
    }
    if (!this.film) {
      this.pixels.fill(BLACK);
      this.context.putImageData(this.image, 0, 0);
      this.corner.hidden = true;
      return;
    }
    if (moved || !this.covered) {
      this.at = this.place();
      this.covered = sampled(this.film, this.at, this.samples);
      this.laid(ratio);
    }
    this.table = tableOf(this.film, this.window, this.viewer.invert);
    painted(this.pixels, this.samples, this.table, width, this.covered);
    this.context.putImageData(this.image, 0, 0);
    if (!this.corner.hidden) this.paintMap();
    this.stage.draws.n += 1;
    this.stage.draws.ms += performance.now() - began;
  }

  // What lies over the film moves with it.
  laid(ratio) {
    const { left, top, scale, width, height } = this.at;
    const [w, h] = [this.film.width * scale, this.film.height * scale];
    const box = { left, top, width: w, height: h };
    for (const [name, value] of Object.entries(box)) this.heat.style[name] = `${value / ratio}px`;
    Object.assign(this.stage.dataset, { left, top, scale });
    this.viewer.tellZoom(this);
    // The whole film stays in sight, and its burnt-in marker with it.
    this.corner.hidden = w <= width + 1 && h <= height + 1;
    if (this.corner.hidden) return;
    const part = (value) => `${100 * value}%`;
    Object.assign(this.seen.style, {
      left: part(Math.max(0, -left / w)), top: part(Math.max(0, -top / h)),
      width: part(Math.min(1, width / w)), height: part(Math.min(1, height / h)),
    });
  }

  paintMap() {
    const small = this.film.levels.at(-1);
    Object.assign(this.map, { width: small.width, height: small.height });
    const context = this.map.getContext("2d", { alpha: false });
    const image = context.createImageData(small.width, small.height);
    painted(new Uint32Array(image.data.buffer), small.raw, this.table, small.width, [0, small.width, 0, small.height]);
    context.putImageData(image, 0, 0);
  }

  // The film's pixel under a place of the window; null beside the film.
  under(clientX, clientY) {
    if (!this.film || !this.at) return null;
    const box = this.stage.getBoundingClientRect();
    const ratio = this.canvas.width / this.stage.clientWidth;
    const x = ((clientX - box.left - this.stage.clientLeft) * ratio - this.at.left) / this.at.scale;
    const y = ((clientY - box.top - this.stage.clientTop) * ratio - this.at.top) / this.at.scale;
    return { x: x / this.film.width, y: y / this.film.height };
  }

  tell(event) {
    const at = this.under(event.clientX, event.clientY);
    if (!at || at.x < 0 || at.y < 0 || at.x >= 1 || at.y >= 1) {
      this.value.textContent = "";
      return;
    }
    const [x, y] = [Math.floor(at.x * this.film.width), Math.floor(at.y * this.film.height)];
    const value = this.film.intercept + this.film.slope * this.film.levels[0].raw[y * this.film.width + x];
    this.value.textContent = `${x}, ${y}: ${rounded(value)}`;
  }
}

function make(tag, properties = {}, ...children) {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...children);
  return element;
}

function rounded(value) {
  return Number(value.toFixed(Math.abs(value) < 100 ? 2 : Math.abs(value) < 1000 ? 1 : 0));
}
