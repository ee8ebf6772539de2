// Points as small round dots, written pixel by pixel: 49,152 of them take some ten milliseconds without a graphics card.
const EDGE = 0.06;  // Share of the canvas that stays free around the map.

// Pixels of a dot and how much of each it covers, for a radius in pixels of the screen.
function dot(radius) {
  const reach = Math.ceil(radius), found = [];
  for (let y = -reach; y <= reach; y++)
    for (let x = -reach; x <= reach; x++) {
      const cover = LIMIT(radius + 0.5 - Math.hypot(x, y), 0, 1);
      if (cover > 0) found.push([x, y, cover]);
    }
  return found;
}

function rgbOf(colour) {
  const value = parseInt(colour.slice(1), 16);
  return [value >> 16, (value >> 8) & 255, value & 255];
}

// Where the map lies on the canvas: pixels = (grid - centre) * scale, y downwards.
function frameOf(view, width, height) {
  const scale = (Math.min(width, height) * (1 - 2 * EDGE) / GRID) * view.zoom;
  return { scale, left: width / 2 - view.x * scale, top: height / 2 + view.y * scale };
}

function paint(canvas, { map, codes, table, numeric, strong, ground, view, ratio }) {
  const { width, height } = canvas;
  const context = canvas.getContext("2d", { alpha: false });
  const image = context.createImageData(width, height);
  const bytes = image.data;
  const [r0, g0, b0] = ground;
  new Uint32Array(bytes.buffer).fill((255 << 24) | (b0 << 16) | (g0 << 8) | r0);
  const full = table.map(rgbOf);
  // One tone for all that isn't lit, however many lie on one another: dense places would shine through else.
  const tone = rgbOf(table[0]).map((value, i) => ground[i] + (value - ground[i]) * 0.3);
  const faint = table.map(() => tone);
  const colourOf = (code) => (!code ? 0 : numeric ? 1 + Math.min(15, ((code - 1) * 16 / 255) | 0) : code);
  const { scale, left, top } = frameOf(view, width, height);
  const base = (map.n > 20000 ? 1.5 : map.n > 4000 ? 2 : 2.7) * Math.min(3, view.zoom ** 0.4) * ratio;
  // Faint first: what isn't lit or known lies below what is.
  const passes = strong
    ? [
        { fits: (p) => !strong[p], radius: base * 0.85, alpha: 0.8, colours: faint },
        { fits: (p) => strong[p], radius: base * 1.25, alpha: 0.95, colours: full },
      ]
    : [
        { fits: (p) => !codes[p], radius: base * 0.9, alpha: 0.4, colours: full },
        { fits: (p) => codes[p], radius: base, alpha: 0.85, colours: full },
      ];
  for (const { fits, radius, alpha, colours } of passes) {
    const mask = dot(radius), reach = Math.ceil(radius);
    for (let p = 0; p < map.n; p++) {
      if (!fits(p)) continue;
      const x = Math.round(map.x[p] * scale + left), y = Math.round(top - map.y[p] * scale);
      if (x < -reach || y < -reach || x >= width + reach || y >= height + reach) continue;
      const [r, g, b] = colours[colourOf(codes[p])];
      for (const [dx, dy, cover] of mask) {
        const px = x + dx, py = y + dy;
        if (px < 0 || py < 0 || px >= width || py >= height) continue;
        const at = (py * width + px) * 4, a = cover * alpha;
        bytes[at] += (r - bytes[at]) * a;
        bytes[at + 1] += (g - bytes[at + 1]) * a;
        bytes[at + 2] += (b - bytes[at + 2]) * a;
      }
    }
  }
  context.putImageData(image, 0, 0);
}

function outline(canvas, shapes, marks, view, colour, ratio) {
  const context = canvas.getContext("2d", { alpha: false });
  const { scale, left, top } = frameOf(view, canvas.width, canvas.height);
  context.strokeStyle = colour;
  context.lineWidth = 1.5 * ratio;
  for (const corners of shapes) {
    context.beginPath();
    corners.forEach(([x, y], i) => context[i ? "lineTo" : "moveTo"](x * scale + left, top - y * scale));
    context.closePath();
    context.stroke();
  }
  for (const [x, y] of marks) {
    context.beginPath();
    context.arc(x * scale + left, top - y * scale, 7 * ratio, 0, 2 * Math.PI);
    context.stroke();
  }
}
