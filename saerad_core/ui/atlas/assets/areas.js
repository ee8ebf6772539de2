// Outlines in an address, and which points lie within: as explorer/areas.py has it, to the last point.
const GRID = 65535, MARGIN = 32768, WIDTH = 4, MOST_CORNERS = 96, MOST_AREAS = 8;
const LIMIT = (value, low, high) => Math.min(high, Math.max(low, value));

function writeArea(corners) {
  const letters = (value) => (Math.round(LIMIT(value, -MARGIN, GRID + MARGIN)) + MARGIN).toString(36).padStart(WIDTH, "0");
  return corners.map(([x, y]) => letters(x) + letters(y)).join("");
}

function readAreas(text) {
  return (text || "").split(".").filter(Boolean).map((part) => {
    const ends = [];
    for (let i = 0; i + WIDTH <= part.length; i += WIDTH) ends.push(parseInt(part.slice(i, i + WIDTH), 36) - MARGIN);
    return ends.flatMap((_, i) => (i % 2 ? [] : [[ends[i], ends[i + 1]]]));
  });
}

// 1 for each point inside any of the outlines.
function within(map, areas) {
  const fits = new Uint8Array(map.n);
  for (const corners of areas) {
    let left = Infinity, right = -Infinity, low = Infinity, high = -Infinity;
    for (const [x, y] of corners) {
      left = Math.min(left, x); right = Math.max(right, x); low = Math.min(low, y); high = Math.max(high, y);
    }
    for (let p = 0; p < map.n; p++) {
      const x = map.x[p], y = map.y[p];
      if (x < left || x > right || y < low || y > high) continue;
      let odd = false;
      for (let i = 0; i < corners.length; i++) {
        const [x0, y0] = corners[i], [x1, y1] = corners[(i + 1) % corners.length];
        if ((y0 > y) === (y1 > y)) continue;
        const mine = (x - x0) * (y1 - y0), edge = (x1 - x0) * (y - y0);
        if (y1 > y0 ? mine < edge : mine > edge) odd = !odd;
      }
      if (odd) fits[p] = 1;
    }
  }
  return fits;
}

// What a hand drew, with as few corners as follow it to within a pixel (Douglas and Peucker 1973), and never more than fit.
function simpler(drawn, tolerance) {
  for (let by = tolerance; ; by *= 1.6) {
    const kept = keep(drawn, by);
    if (kept.length <= MOST_CORNERS) return kept;
  }
}

function keep(drawn, tolerance) {
  if (drawn.length < 3) return drawn;
  const [x0, y0] = drawn[0], [x1, y1] = drawn[drawn.length - 1];
  const length = Math.hypot(x1 - x0, y1 - y0);
  let far = 0, at = 0;
  for (let i = 1; i < drawn.length - 1; i++) {
    const [x, y] = drawn[i];
    const away = length ? Math.abs((y1 - y0) * (x - x0) - (x1 - x0) * (y - y0)) / length : Math.hypot(x - x0, y - y0);
    if (away > far) [far, at] = [away, i];
  }
  if (far <= tolerance) return [drawn[0], drawn[drawn.length - 1]];
  return [...keep(drawn.slice(0, at + 1), tolerance).slice(0, -1), ...keep(drawn.slice(at), tolerance)];
}
