// From values to grey levels on a canvas. Only what is on the screen is touched, so a window costs one look-up a pixel.

// PS3.3 C.11.2.1.2, LINEAR, for every raw value, as RGBA.
function tableOf(film, window, invert) {
  const table = new Uint32Array(65536);
  const flip = film.inverse !== invert;
  const [middle, span] = [window.center - 0.5, window.width - 1];
  for (let raw = 0; raw < 65536; raw++) {
    const value = film.intercept + film.slope * raw;
    let shown = span > 0 ? LIMIT((value - middle) / span + 0.5, 0, 1) : Number(value > middle);
    if (flip) shown = 1 - shown;
    const grey = Math.round(255 * shown);
    table[raw] = 0xff000000 | (grey << 16) | (grey << 8) | grey;
  }
  return table;
}

// Values under the canvas's pixels, between neighbours in a straight line, and the rectangle that the film covers.
function sampled(film, { width, height, scale, left, top }, samples) {
  const k = LIMIT(Math.floor(Math.log2(1 / scale) + 1e-6), 0, film.levels.length - 1);
  const level = film.levels[k];
  const across = stops(width, left, scale, k, level.width, film.width);
  const down = stops(height, top, scale, k, level.height, film.height);
  const { raw } = level;
  for (let y = down.first; y < down.end; y++) {
    const [row, next, v] = [down.at[y] * level.width, down.next[y] * level.width, down.share[y]];
    for (let x = across.first, i = y * width + x; x < across.end; x++, i++) {
      const [a, b, u] = [across.at[x], across.next[x], across.share[x]];
      const upper = raw[row + a] + (raw[row + b] - raw[row + a]) * u;
      const lower = raw[next + a] + (raw[next + b] - raw[next + a]) * u;
      samples[i] = upper + (lower - upper) * v + 0.5;
    }
  }
  return [across.first, across.end, down.first, down.end];
}

function stops(size, start, scale, k, n, whole) {
  const at = new Int32Array(size), next = new Int32Array(size), share = new Float32Array(size);
  for (let i = 0; i < size; i++) {
    const place = LIMIT((i + 0.5 - start) / scale / 2 ** k - 0.5, 0, n - 1);
    at[i] = place;
    next[i] = Math.min(at[i] + 1, n - 1);
    share[i] = place - at[i];
  }
  const first = LIMIT(Math.round(start), 0, size);
  return { at, next, share, first, end: LIMIT(Math.round(start + whole * scale), first, size) };
}

const BLACK = 0xff000000;

function painted(pixels, samples, table, width, [left, right, top, bottom]) {
  pixels.fill(BLACK);
  for (let y = top; y < bottom; y++)
    for (let i = y * width + left, end = y * width + right; i < end; i++) pixels[i] = table[samples[i]];
}
