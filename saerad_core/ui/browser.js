// Runs once a page; a second mount finds the flag and leaves.
export default function () {
  if (window.saeradReady) return;
  window.saeradReady = true;

  // Links within the app: change the address and let Streamlit follow, instead of loading the whole page again.
  document.addEventListener("click", (event) => {
    if (event.defaultPrevented || event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey) return;
    const link = event.target.closest("a.nav");
    if (!link || link.target) return;
    const url = new URL(link.href, window.location.href);
    if (url.origin !== window.location.origin) return;
    event.preventDefault();
    if (url.href === window.location.href) return;
    window.history.pushState({}, "", url);
    window.dispatchEvent(new PopStateEvent("popstate", { state: {} }));
    if (!link.hasAttribute("data-stay")) {
      const main = document.querySelector('[data-testid="stMain"]');
      if (main) main.scrollTo({ top: 0 });
    }
  });

  // Whoever signs in comes back to the address that they asked for: the server reads it when the login service is done.
  document.addEventListener("click", (event) => {
    if (!event.target.closest('[class*="st-key-sign_in_"]')) return;
    const query = new URLSearchParams(window.location.search);
    query.delete("signin");
    const path = window.location.pathname + (query.size ? `?${query}` : "");
    document.cookie = `saerad_next=${encodeURIComponent(path)}; Path=/; Max-Age=900; SameSite=Lax`;
  }, true);

  // When the sign-in runs out the page asks anew, and gets the way to sign in. Seconds that are left, not a time of day: clocks differ.
  let told = "", due = Infinity;
  setInterval(() => {
    const who = document.querySelector(".who[data-left]");
    if (!who) return;
    if (who.dataset.left !== told) {
      told = who.dataset.left;
      due = performance.now() + Number(told) * 1000;
    }
    if (performance.now() > due) window.location.reload();
  }, 2000);

  const typing = () => {
    const active = document.activeElement;
    return active && (active.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(active.tagName));
  };

  // A switch that was clicked lets go of the focus, or the page's keys would be typed into it. Keyboards keep it.
  document.addEventListener("pointerup", () => {
    setTimeout(() => {
      const active = document.activeElement;
      if (active && active.matches('input[type="checkbox"], input[type="radio"]')) active.blur();
    }, 50);
  });

  // A press counts for the button on which it began. When it takes the focus from a box, Streamlit sends the box's text and takes
  // away what it had kept only for the focus; whatever lies below moves while the finger is down, and the browser gives the click
  // to nobody. Where the run drew the button anew, the one with the same key does the same.
  let press = null;
  document.addEventListener("pointerdown", (event) => {
    const button = event.button === 0 && event.target.closest("button");
    const holder = button && button.closest('[class*="st-key-"]');
    const key = holder && [...holder.classList].find((name) => name.startsWith("st-key-"));
    press = button ? { button, key, x: event.clientX, y: event.clientY } : null;
  }, true);
  document.addEventListener("pointercancel", () => { press = null; }, true);
  document.addEventListener("click", (event) => {
    if (press && press.button.contains(event.target)) press = null;
  }, true);
  document.addEventListener("pointerup", (event) => {
    const one = press;
    if (!one || Math.hypot(event.clientX - one.x, event.clientY - one.y) > 6) return;
    setTimeout(() => {
      if (press !== one) return;
      press = null;
      const drawn = one.key ? document.querySelectorAll(`.${CSS.escape(one.key)} button`) : [];
      const now = one.button.isConnected ? one.button : drawn.length === 1 && drawn[0];
      if (now && !now.disabled && now.getClientRects().length) now.click();
    });
  }, true);

  // Heatmaps stay off until asked: their pictures are fetched when H goes down, and hidden when it comes up.
  const heat = (on) => {
    document.body.classList.toggle("heat-held", on);
    if (!on) return;
    document.querySelectorAll("img.heat[data-src]").forEach((img) => {
      img.src = img.dataset.src;
      img.removeAttribute("data-src");
    });
  };

  document.addEventListener("keydown", (event) => {
    if (typing() || event.metaKey || event.ctrlKey || event.altKey) return;
    if (event.key === "h" || event.key === "H") {
      if (!event.repeat) heat(true);
    } else if (event.key === "/") {
      const search = document.querySelector(".st-key-search input");
      if (search) {
        event.preventDefault();
        search.focus();
        search.select();
      }
    }
  });
  document.addEventListener("keyup", (event) => {
    if (event.key === "h" || event.key === "H") heat(false);
  });
  window.addEventListener("blur", () => heat(false));
}
