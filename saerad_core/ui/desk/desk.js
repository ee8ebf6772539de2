// The desk's own keys, the sheet that lists them, and drafts: what is typed goes to the server half a second later, while the
// focus is still in the box; when it leaves, Streamlit sends the text by itself.
const PAUSE = 500;
// Milliseconds: so long a feature that came after a decision has to be in sight before a key decides on it; so long after a
// decision what comes is taken to come of it; so long the same feature isn't decided on again.
const SEEN = 250;
const AFTER = 3000;
const AGAIN = 1000;

function start() {
  const desk = { on: false, keys: [], send: null, timer: 0, shown: "", since: 0, decided: "", at: 0 };
  const typing = (target) => target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName);

  document.addEventListener("input", (event) => {
    if (!desk.on || event.target.tagName !== "TEXTAREA") return;
    const holder = event.target.closest('[class*="st-key-desk_text_"]');
    const found = holder && /st-key-desk_text_(\d+)_(\d+)_/.exec(holder.className);
    if (!found) return;
    const draft = { feature: Number(found[1]), base: Number(found[2]), text: event.target.value };
    clearTimeout(desk.timer);
    desk.timer = setTimeout(offer, PAUSE, draft);
  });
  const offer = (draft) => {
    // Never right behind a run of the desk: Streamlit would take that run for broken off and leave its old parts standing.
    const running = document.querySelector('[data-testid="stApp"][data-test-script-state="running"]');
    if (running) desk.timer = setTimeout(offer, PAUSE, draft);
    else if (desk.send) desk.send(draft);
  };
  document.addEventListener("focusout", () => clearTimeout(desk.timer));

  const sheet = (show) => {
    let one = document.querySelector(".keysheet");
    if (one) one.remove();
    if (one || show === false) return;
    one = document.createElement("div");
    one.className = "keysheet";
    one.setAttribute("role", "dialog");
    one.setAttribute("aria-label", "Keys of the desk");
    const table = document.createElement("table");
    for (const [key, what] of desk.keys) {
      const row = table.insertRow();
      const name = document.createElement("kbd");
      name.textContent = key;
      row.insertCell().append(name);
      row.insertCell().textContent = what;
    }
    one.append(table);
    one.addEventListener("click", () => one.remove());
    (document.querySelector(".stApp") || document.body).append(one);
  };
  desk.sheet = sheet;

  document.addEventListener("click", (event) => {
    if (event.target.closest("[data-keys]")) { event.preventDefault(); sheet(); }
  });
  const look = () => {
    const shown = document.querySelector(".desk-id")?.textContent ?? "";
    if (shown === desk.shown) return;
    desk.shown = shown;
    desk.since = performance.now();
  };
  setInterval(() => { if (desk.on) look(); }, 50);
  // A key pressed twice decides once: the second press was not meant for the feature that came while the finger was on its way.
  window.addEventListener("keydown", (event) => {
    if (!desk.on || !/^[axs]$/i.test(event.key) || typing(event.target) || event.metaKey || event.ctrlKey || event.altKey) return;
    look();
    const now = performance.now();
    const unseen = desk.decided && now - desk.at < AFTER && now - desk.since < SEEN;
    if (event.repeat || unseen || (desk.decided === desk.shown && now - desk.at < AGAIN)) {
      event.preventDefault();
      event.stopImmediatePropagation();
      return;
    }
    desk.decided = desk.shown;
    desk.at = now;
  }, true);
  // Before Streamlit's own keys, which let no other listener know.
  window.addEventListener("keydown", (event) => {
    if (!desk.on || event.key !== "Enter" || !event.ctrlKey || !typing(event.target)) return;
    // Let go of the box once its text is on the way: Streamlit keeps a box in sight as long as it has the focus, even one that
    // the next run hasn't; and the next key is no letter.
    const box = event.target;
    setTimeout(() => box.blur());
  }, true);
  document.addEventListener("keydown", (event) => {
    if (!desk.on || event.defaultPrevented) return;
    if (event.key === "Escape") {
      sheet(false);
      if (event.target.closest('[class*="st-key-desk_"]') && typing(event.target)) event.target.blur();
      return;
    }
    if (typing(event.target) || event.metaKey || event.ctrlKey || event.altKey) return;
    if (event.key === "?") { event.preventDefault(); sheet(); }
    if (event.key === "e" || event.key === "E") {
      const box = document.querySelector('[class*="st-key-desk_text_"] textarea');
      if (!box) return;
      event.preventDefault();
      box.focus();
      box.setSelectionRange(box.value.length, box.value.length);
    }
    if (event.key === "f" || event.key === "F") {
      const fields = document.querySelector('[class*="st-key-desk_fields_"] button');
      if (!fields) return;
      event.preventDefault();
      fields.click();
    }
    if (event.key === "w" || event.key === "W") {
      const why = document.querySelector('[class*="st-key-desk_reason_"] input');
      if (!why) return;
      event.preventDefault();
      why.focus();
    }
    if (/^[0-9]$/.test(event.key)) {
      const boxes = document.querySelectorAll('[class*="st-key-desk_fires_"] input[type="checkbox"]');
      const box = boxes[(Number(event.key) + 9) % 10];
      if (box) box.click();
    }
  });
  return desk;
}

export default function ({ data, setTriggerValue }) {
  const desk = (window.saeradDesk ??= start());
  const send = (draft) => setTriggerValue("draft", draft);
  Object.assign(desk, { on: true, keys: data.keys, send });
  if (data.author !== desk.author) {
    desk.author = data.author;
    document.cookie = `saerad_author=${encodeURIComponent(data.author)}; path=/; max-age=31536000; SameSite=Strict`;
  }
  return () => {
    if (desk.send !== send) return;
    desk.on = false;
    desk.send = null;
    desk.sheet(false);
  };
}
