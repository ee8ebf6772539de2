// The map: what is drawn, how it moves, and what is told to the server. Colours and places come by address, kept by the browser.
const CLOSEST = 400, REACH = 9, REST = 90;

async function numbers(address) {
  const answer = await fetch(address, { credentials: "same-origin" });
  if (!answer.ok) throw new Error(await answer.text());
  return { head: JSON.parse(answer.headers.get("X-Map")), body: await answer.arrayBuffer() };
}

function bits(text, n) {
  if (!text) return null;
  const packed = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0)), lit = new Uint8Array(n);
  for (let p = 0; p < n; p++) lit[p] = (packed[p >> 3] >> (p & 7)) & 1;
  return lit;
}

class Atlas {
  constructor(root) {
    this.root = root;
    this.tool = "lasso";
    this.view = sharedView() || { x: GRID / 2, y: GRID / 2, zoom: 1 };
    this.areas = "";
    this.ids = [];
    this.said = new Map();
    this.panel = panelOf(this);
    root.append(this.panel.bar, this.panel.legend, this.panel.stage);
    this.take("lasso");
    this.listen();
    new ResizeObserver(() => this.ask()).observe(this.panel.stage);
  }

  // What the server says anew: fetched are only addresses that weren't fetched before.
  async update(data, send) {
    this.send = send;
    const places = !this.data || data.places !== this.data.places;
    const colours = !this.data || data.colours !== this.data.colours;
    this.data = data;
    if (colours) this.said.clear();
    // An answer to an older question mustn't undo what was drawn since.
    const told = JSON.stringify([data.area, data.ids]);
    if (this.waiting === undefined || this.waiting === told) {
      this.waiting = undefined;
      this.areas = data.area;
      this.ids = data.ids;
    }
    this.tellAddress();
    if (!places && !colours) return void this.refresh();
    if (!this.map) this.panel.message.textContent = "Fetching the map";
    try {
      const [where, how] = await Promise.all([places ? numbers(data.places) : null, colours ? numbers(data.colours) : null]);
      // Another choice may have overtaken this one.
      if (where && data.places === this.data.places) this.map = mapOf(where);
      if (how && data.colours === this.data.colours) Object.assign(this, { codes: new Uint8Array(how.body), head: how.head });
      this.panel.message.textContent = "";
    } catch (error) {
      this.panel.message.textContent = "The map couldn't be fetched. Load the page again.";
      return;
    }
    this.refresh();
  }

  refresh() {
    if (!this.map || !this.codes || this.codes.length !== this.map.n) return;
    const { map } = this;
    const lit = bits(this.data.lit, map.n);
    this.shapes = readAreas(this.areas);
    const drawn = this.shapes.length ? within(map, this.shapes) : null;
    this.marks = this.ids.map((id) => map.at.get(id)).filter((p) => p !== undefined);
    this.strong = lit || drawn ? Uint8Array.from({ length: map.n }, (_, p) => Number((!lit || lit[p]) && (!drawn || drawn[p]))) : null;
    showLegend(this.panel.legend, this.head, this.data.theme);
    this.ask();
  }

  ask() {
    this.asked ??= requestAnimationFrame(() => {
      this.asked = undefined;
      this.draw();
    });
  }

  draw() {
    const { canvas, stage } = this.panel;
    if (!this.map || !this.codes || !stage.clientWidth) return;
    const ratio = Math.min(2, window.devicePixelRatio || 1);
    const width = Math.round(stage.clientWidth * ratio), height = Math.round(stage.clientHeight * ratio);
    if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
    const style = getComputedStyle(this.root);
    const ground = (getComputedStyle(stage).backgroundColor.match(/\d+/g) || [14, 16, 19]).slice(0, 3).map(Number);
    const { map, codes, head, strong, view } = this;
    paint(canvas, { map, codes, table: head.tables[this.data.theme], numeric: !head.names, strong, ground, view, ratio });
    const shapes = this.stroke ? [...this.shapes, this.stroke] : this.shapes;
    outline(canvas, shapes, this.marks.map((p) => [map.x[p], map.y[p]]), view, style.getPropertyValue("--st-primary-color").trim() || "#5cc8d7", ratio);
    this.drawn = (this.drawn || 0) + 1;
    canvas.dataset.drawn = `${map.n} ${this.data.colours} ${this.strong ? this.strong.reduce((a, b) => a + b, 0) : "all"}`;
  }

  // A pixel of the page -> the grid.
  place(event) {
    const box = this.panel.canvas.getBoundingClientRect();
    const { scale, left, top } = frameOf(this.view, box.width, box.height);
    return [(event.clientX - box.left - left) / scale, (top - (event.clientY - box.top)) / scale, scale];
  }

  nearest([x, y, scale]) {
    const { map } = this;
    let best = -1, least = (REACH / scale) ** 2;
    for (let p = 0; p < map.n; p++) {
      const far = (map.x[p] - x) ** 2 + (map.y[p] - y) ** 2;
      // What isn't lit can be pointed at, but what is comes first.
      if (far < least * (this.strong && !this.strong[p] ? 0.1 : 1)) [best, least] = [p, far];
    }
    return best;
  }

  take(tool) {
    this.tool = tool;
    this.panel.tools.forEach((button) => button.setAttribute("aria-pressed", String(button.dataset.name === tool)));
    this.panel.canvas.dataset.tool = tool;
  }

  act(name) {
    if (name === "in" || name === "out") this.zoom(name === "in" ? 1.5 : 1 / 1.5);
    if (name === "all") this.look({ x: GRID / 2, y: GRID / 2, zoom: 1 });
    if (name === "none") this.choose({ area: "", ids: [] });
    if (name === "sight") {
      const box = this.panel.canvas.getBoundingClientRect();
      const corner = (x, y) => this.place({ clientX: box.left + x * box.width, clientY: box.top + y * box.height }).slice(0, 2);
      this.choose({ area: writeArea([corner(0, 0), corner(1, 0), corner(1, 1), corner(0, 1)]), ids: [] });
    }
  }

  zoom(times, at = [this.view.x, this.view.y]) {
    const zoom = LIMIT(this.view.zoom * times, 0.5, CLOSEST), by = 1 - this.view.zoom / zoom;
    this.look({ zoom, x: this.view.x + (at[0] - this.view.x) * by, y: this.view.y + (at[1] - this.view.y) * by });
  }

  look(view) {
    this.view = { zoom: view.zoom, x: LIMIT(view.x, 0, GRID), y: LIMIT(view.y, 0, GRID) };
    this.hush();
    this.ask();
    this.tellAddress();
  }

  // Shown at once; the list follows when the server has answered.
  choose({ area, ids }) {
    if (area === this.areas && JSON.stringify(ids) === JSON.stringify(this.ids)) return;
    Object.assign(this, { areas: area, ids, waiting: JSON.stringify([area, ids]) });
    this.refresh();
    this.send({ area, ids });
  }

  listen() {
    const { canvas } = this.panel;
    let began = null;
    canvas.addEventListener("pointerdown", (event) => {
      if (event.button !== 0 || !this.map) return;
      canvas.setPointerCapture(event.pointerId);
      began = { event, view: { ...this.view }, at: this.place(event), trail: [this.place(event).slice(0, 2)] };
      this.hush();
    });
    canvas.addEventListener("pointermove", (event) => {
      if (!began) return void this.point(event);
      const [x, y, scale] = this.place(event);
      if (this.tool === "move") {
        const by = [(event.clientX - began.event.clientX) / scale, (event.clientY - began.event.clientY) / scale];
        return void this.look({ ...began.view, x: began.view.x - by[0], y: began.view.y + by[1] });
      }
      if (this.tool === "lasso") {
        for (const between of event.getCoalescedEvents?.() ?? []) began.trail.push(this.place(between).slice(0, 2));
        began.trail.push([x, y]);
        this.stroke = began.trail;
      } else this.stroke = [began.trail[0], [x, began.trail[0][1]], [x, y], [began.trail[0][0], y]];
      this.ask();
    });
    canvas.addEventListener("pointerup", (event) => {
      const one = began, stroke = this.stroke;
      began = this.stroke = null;
      if (!one) return;
      const moved = Math.hypot(event.clientX - one.event.clientX, event.clientY - one.event.clientY);
      const trail = stroke || [];
      const size = trail.reduce((most, [x, y]) => Math.max(most, Math.abs(x - trail[0][0]), Math.abs(y - trail[0][1])), 0) * one.at[2];
      if (this.tool !== "move" && size > 6) {
        const corners = this.tool === "lasso" ? simpler(trail, 1 / one.at[2]) : trail;
        // Shift adds to what is drawn already.
        const before = event.shiftKey && this.areas ? this.areas.split(".").slice(1 - MOST_AREAS) : [];
        if (corners.length > 2) this.choose({ area: [...before, writeArea(corners)].join("."), ids: [] });
        return void this.ask();
      }
      if (moved <= 4) {
        const found = this.nearest(this.place(event));
        this.choose({ area: "", ids: found < 0 ? [] : [this.map.ids[found]] });
      }
      this.ask();
    });
    canvas.addEventListener("pointercancel", () => { began = this.stroke = null; this.ask(); });
    canvas.addEventListener("pointerleave", () => this.hush());
    canvas.addEventListener("wheel", (event) => {
      event.preventDefault();
      this.zoom(Math.exp(-event.deltaY * (event.deltaMode ? 0.05 : 0.0016)), this.place(event));
    }, { passive: false });
    canvas.addEventListener("keydown", (event) => {
      if (event.metaKey || event.ctrlKey || event.altKey) return;
      const step = (x, y) => {
        const by = (GRID * 0.12) / this.view.zoom;
        this.look({ ...this.view, x: this.view.x + x * by, y: this.view.y + y * by });
      };
      const keys = {
        ArrowLeft: () => step(-1, 0), ArrowRight: () => step(1, 0), ArrowUp: () => step(0, 1), ArrowDown: () => step(0, -1),
        "+": () => this.act("in"), "=": () => this.act("in"), "-": () => this.act("out"), 0: () => this.act("all"),
        Enter: () => this.act("sight"), Escape: () => this.act("none"),
        l: () => this.take("lasso"), b: () => this.take("box"), m: () => this.take("move"),
      };
      const does = keys[event.key] || keys[event.key.toLowerCase()];
      if (!does) return;
      event.preventDefault();
      event.stopPropagation();
      does();
    });
  }

  // The words of the point under the mouse: its number at once, what is said of it when the mouse rests.
  point(event) {
    if (!this.map || !this.codes) return;
    const found = this.nearest(this.place(event));
    if (found === this.under) return;
    this.hush();
    if (found < 0) return;
    this.under = found;
    const id = this.map.ids[found], box = this.panel.stage.getBoundingClientRect();
    const { words } = this.panel;
    const x = event.clientX - box.left, y = event.clientY - box.top;
    const side = x > box.width * 0.6 ? { right: `${box.width - x + 12}px`, left: "auto" } : { left: `${x + 12}px`, right: "auto" };
    Object.assign(words.style, side, { top: `${LIMIT(y + 10, 0, box.height - 70)}px` });
    const show = (told) => {
      if (this.under !== found) return;
      const lines = [make("b", { textContent: `#${id}` })];
      if (told) {
        lines.push(make("span", { textContent: told.text || "not described" }));
        lines.push(make("span", { className: "value", textContent: `${told.title}: ${told.value || "none"}` }));
      }
      words.replaceChildren(...lines);
      words.hidden = false;
    };
    show(this.said.get(id));
    if (this.said.has(id)) return;
    const { words: address, column } = this.data;
    this.resting = setTimeout(async () => {
      try {
        const answer = await fetch(`${address}${id}?column=${column}`, { credentials: "same-origin" });
        if (!answer.ok) return;
        const told = await answer.json();
        if (column === this.data.column) this.said.set(id, told);
        show(told);
      } catch (error) {
        // Offline for a moment: the number stays.
      }
    }, REST);
  }

  hush() {
    clearTimeout(this.resting);
    this.under = undefined;
    this.panel.words.hidden = true;
  }

  // Zoom and place in the address, so that a link shows what its sender saw. The server isn't asked.
  tellAddress() {
    clearTimeout(this.telling);
    this.telling = setTimeout(() => {
      if (!this.root.isConnected) return;
      const url = new URL(window.location.href), { x, y, zoom } = this.view;
      if (zoom === 1 && x === GRID / 2 && y === GRID / 2) url.searchParams.delete("view");
      else url.searchParams.set("view", `map_${zoom.toFixed(2)}_${Math.round(x)}_${Math.round(y)}`);
      if (url.href !== window.location.href) window.history.replaceState(window.history.state, "", url);
    }, 250);
  }
}

function mapOf({ head, body }) {
  const { n } = head, steps = new Int32Array(body, 0, n), ids = new Int32Array(n);
  for (let p = 0, id = 0; p < n; p++) ids[p] = id += steps[p];
  const at = new Map();
  ids.forEach((id, p) => at.set(id, p));
  return { n, ids, at, x: new Uint16Array(body, 4 * n, n), y: new Uint16Array(body, 6 * n, n) };
}

function sharedView() {
  const [kind, ...parts] = (new URL(window.location.href).searchParams.get("view") || "").split("_");
  const [zoom, x, y] = parts.map(Number);
  if (kind !== "map" || parts.length !== 3 || ![zoom, x, y].every(Number.isFinite)) return null;
  return { zoom: LIMIT(zoom, 0.5, CLOSEST), x: LIMIT(x, 0, GRID), y: LIMIT(y, 0, GRID) };
}

export default function ({ data, parentElement, setStateValue }) {
  const root = parentElement.querySelector(".a");
  const atlas = (root.atlas ||= new Atlas(root));
  atlas.update(data, (chosen) => setStateValue("chosen", chosen));
}
