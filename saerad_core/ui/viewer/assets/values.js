// Real values: fetched, unpacked, and kept in halves of halves for drawing small.
const LIMIT = (value, low, high) => Math.min(high, Math.max(low, value));
const KEPT = new Map();
const MOST_KEPT = 4;

// A film: { levels: [{ raw, width, height }], slope, intercept, center, window, inverse, note, eightBit }.
function filmOf(picture) {
  const address = picture.values;
  if (!KEPT.has(address)) {
    KEPT.set(address, readFilm(picture).catch((error) => { KEPT.delete(address); throw error; }));
    while (KEPT.size > MOST_KEPT) KEPT.delete(KEPT.keys().next().value);
  }
  return KEPT.get(address);
}

async function readFilm(picture) {
  let why = "";
  try {
    const answer = await fetch(picture.values);
    if (answer.ok) {
      const head = JSON.parse(answer.headers.get("X-Values"));
      const raw = unpacked(new Uint8Array(await answer.arrayBuffer()), head.width, head.height);
      return completed({ ...head, raw, eightBit: false });
    }
    why = (answer.headers.get("Content-Type") || "").startsWith("text/plain") ? await answer.text() : "";
  } catch (error) {
    console.warn("viewer:", error.message);
  }
  why = why || "The X-ray's values didn't arrive; reload the page.";
  if (!picture.fallback) throw new Error(why);
  return completed(await eightBits(picture.fallback, why));
}

// Differences to the left neighbour, low bytes first, then high bytes (values.py).
function unpacked(bytes, width, height) {
  const n = width * height;
  if (bytes.length !== 2 * n) throw new Error("the values are cut short");
  const raw = new Uint16Array(n);
  for (let y = 0, i = 0; y < height; y++) {
    let value = 0;
    for (const end = i + width; i < end; i++) {
      value = (value + bytes[i] + (bytes[n + i] << 8)) & 0xffff;
      raw[i] = value;
    }
  }
  return raw;
}

// The stored picture, where the values can't be had: 256 levels, and the reader is told.
async function eightBits(address, why) {
  const image = new Image();
  image.src = address;
  try {
    await image.decode();
  } catch {
    throw new Error(why);
  }
  const [width, height] = [image.naturalWidth, image.naturalHeight];
  const canvas = Object.assign(document.createElement("canvas"), { width, height });
  const context = canvas.getContext("2d", { willReadFrequently: true });
  context.drawImage(image, 0, 0);
  const { data } = context.getImageData(0, 0, width, height);
  const raw = new Uint16Array(width * height);
  for (let i = 0; i < raw.length; i++) raw[i] = data[4 * i];
  return {
    raw, width, height, slope: 1, intercept: 0, center: 128, window: 256, inverse: false, eightBit: true,
    note: `stored 8-bit picture, not the file's values. ${why}`,
  };
}

function completed({ raw, width, height, ...rest }) {
  const levels = [{ raw, width, height }];
  while (Math.max(levels.at(-1).width, levels.at(-1).height) > 200 && Math.min(levels.at(-1).width, levels.at(-1).height) > 1)
    levels.push(halved(levels.at(-1)));
  const film = { ...rest, levels, width, height };
  return Object.assign(film, { presets: presetsOf(film) });
}

function halved({ raw, width, height }) {
  const [w, h] = [width >> 1, height >> 1];
  const half = new Uint16Array(w * h);
  for (let y = 0, i = 0; y < h; y++) {
    for (let x = 0, at = 2 * y * width; x < w; x++, at += 2)
      half[i++] = (raw[at] + raw[at + 1] + raw[at + width] + raw[at + width + 1] + 2) >> 2;
  }
  return { raw: half, width: w, height: h };
}

// Windows by shares of the film's own values: radiographs have no unit that a fixed window could be given in.
function presetsOf(film) {
  const counts = new Uint32Array(65536);
  const { raw } = film.levels[0];
  for (let i = 0; i < raw.length; i++) counts[raw[i]]++;
  let [low, high] = [0, 65535];
  while (!counts[low]) low++;
  while (!counts[high]) high--;
  // The flat black frame of a film says nothing of the chest.
  const frame = counts[low] > raw.length * 0.02 ? counts[low] : 0;
  const quantile = (share) => {
    const wanted = share * (raw.length - frame);
    let seen = -frame;
    for (let value = low; value <= high; value++) if ((seen += counts[value]) >= wanted && seen > 0) return value;
    return high;
  };
  const between = (first, last) => {
    const [black, white] = [first, Math.max(last, first + 1)].map((value) => film.intercept + film.slope * value);
    return { center: (black + white + 1) / 2, width: white - black + 1 };
  };
  const dark = film.inverse ? (share) => quantile(1 - share) : quantile;
  const ordered = (first, last) => between(Math.min(dark(first), dark(last)), Math.max(dark(first), dark(last)));
  return [
    ["As read", "The window that the program reads this X-ray with: the file's own, or its full scale.", { center: film.center, width: film.window }],
    ["Full range", "From the lowest to the highest value of the film.", between(low, high)],
    ["Contrast", "From the darkest to the brightest hundredth of the film.", ordered(0.01, 0.99)],
    ["Lungs", "The darker three quarters of the film: lung markings.", ordered(0.01, 0.75)],
    ["Mediastinum", "The brighter half of the film: mediastinum, spine, lines and tubes.", ordered(0.5, 0.998)],
  ];
}
