// Optional: every page works without this file. It makes pages live, and adds keys, the palette, drafts and the undo toast.
// No words in here: they stand in the page, in the reader's language. Markup from strings passes through one policy only.
"use strict";
(() => {
  const $ = (s, e = document) => e.querySelector(s);
  const all = (s, e = document) => [...e.querySelectorAll(s)];
  const body = document.body;
  const words = body.dataset;

  // The server's own fragments are the only markup that is ever parsed from text.
  const policy = self.trustedTypes ? trustedTypes.createPolicy("bolwerk", { createHTML: (s) => s }) : { createHTML: (s) => s };
  const parse = (html) => {
    const holder = document.createElement("template");
    holder.innerHTML = policy.createHTML(html);
    return holder.content;
  };

  // ---- Drafts: what is typed stays on this device until the server has it. ----
  const DRAFT = "draft:";
  const drafts = () => all("[data-draft]");
  const store = (act) => { try { return act(localStorage); } catch { return null; } };
  const sent = new URLSearchParams(location.search).has("gedaan");
  const lastSent = store((s) => s.getItem("sent"));
  if (sent && lastSent) {
    for (const key of lastSent.split("\n")) store((s) => s.removeItem(DRAFT + key));
    store((s) => s.removeItem("sent"));
  }
  const restore = () => drafts().forEach((field) => {
    const kept = store((s) => s.getItem(DRAFT + field.dataset.draft));
    if (kept && !field.value) field.value = kept;
  });
  restore();
  addEventListener("input", (e) => {
    const key = e.target.dataset && e.target.dataset.draft;
    if (key) store((s) => (e.target.value ? s.setItem(DRAFT + key, e.target.value) : s.removeItem(DRAFT + key)));
  });

  // ---- Forms: a busy button keeps its place; nothing is sent twice, or into the void. ----
  let lost = null;
  addEventListener("submit", (e) => {
    const form = e.target;
    if (form.method !== "post") return;
    if (form.dataset.sent) { e.preventDefault(); return; }
    if (lost) { e.preventDefault(); showLost(); return; }
    form.dataset.sent = "1";
    const keys = all("[data-draft]", form).map((f) => f.dataset.draft);
    if (keys.length) store((s) => s.setItem("sent", keys.join("\n")));
    if (form.hasAttribute("data-forget")) store((s) => s.clear());
    const button = e.submitter;
    if (button && button.tagName === "BUTTON" && words.busy) {
      button.style.minWidth = button.offsetWidth + "px";
      button.setAttribute("aria-busy", "true");
      setTimeout(() => { if (form.dataset.sent) button.textContent = words.busy; }, 300);
    }
  });
  addEventListener("pageshow", () => all("form[data-sent]").forEach((f) => { delete f.dataset.sent; }));

  // ---- Live: one stream for all windows of this browser; the others listen to it. ----
  const strip = $("#live");
  const banner = $("#lost");
  // The desk's own clock and zone, not the device's.
  const made = Number(words.now) - performance.now();
  const hour = () => new Date(made + performance.now())
    .toLocaleTimeString("nl-BE", { timeZone: "Europe/Brussels", hour12: false });
  const say = (live) => {
    if (!strip) return;
    strip.textContent = live ? words.live : words.lost + " " + lost;
    strip.className = "push opt2 live" + (live ? "" : " lost");
  };
  function showLost() {
    if (!banner) return;
    $("[data-since]", banner).textContent = lost;
    banner.hidden = false;
    $("[data-retry]", banner).focus();
  }
  const up = () => { lost = null; if (banner) banner.hidden = true; say(true); };
  const down = () => {
    if (!lost) lost = hour();
    say(false);
    if (banner) { $("[data-since]", banner).textContent = lost; banner.hidden = false; }
  };

  const waiting = new Set();
  const busy = (part) => {
    const at = document.activeElement;
    return at && part.contains(at) && /^(INPUT|TEXTAREA|SELECT)$/.test(at.tagName) && at.type !== "checkbox";
  };
  async function refresh(part) {
    const id = part.id;
    if (waiting.has(id)) { part.dataset.again = "1"; return; }
    waiting.add(id);
    try {
      const answer = await fetch(part.dataset.fragment, { headers: { "x-fragment": "1" }, credentials: "same-origin" });
      if (answer.status === 401) { location.reload(); return; }
      if (!answer.ok) return;
      const fresh = parse(await answer.text()).firstElementChild;
      const old = document.getElementById(id);
      if (!fresh || fresh.id !== id || !old) return;
      if (busy(old)) { old.dataset.later = "1"; return; }
      if (!hold(old, fresh)) swap(old, fresh);
    } catch { down(); } finally {
      waiting.delete(id);
      const now = document.getElementById(id);
      if (now && now.dataset.again) { delete now.dataset.again; refresh(now); }
    }
  }
  // What changed while somebody was typing in a part comes when that is over; not between the press of a button and its click.
  addEventListener("focusout", (e) => {
    const part = e.target.closest && e.target.closest("[data-later]");
    if (!part || part.contains(e.relatedTarget)) return;
    setTimeout(() => {
      if (!part.isConnected || busy(part) || $("form[data-sent]", part)) return;
      delete part.dataset.later;
      refresh(part);
    }, 1000);
  });
  // Whoever scrolled down reads on; a button says how many lines wait above.
  function hold(old, fresh) {
    if (!old.dataset.hold || old.getBoundingClientRect().top > -80) return false;
    const known = new Set(all("[data-row]", old).map((r) => r.dataset.row));
    const count = all("[data-row]", fresh).filter((r) => !known.has(r.dataset.row)).length;
    if (!count) return false;
    let button = $("[data-held]");
    if (!button) {
      button = document.createElement("button");
      button.type = "button";
      button.className = "btn held";
      button.dataset.held = "";
      old.before(button);
    }
    button.textContent = count + " " + old.dataset.hold;
    button.onclick = () => {
      button.remove();
      const now = document.getElementById(fresh.id);
      if (now) { swap(now, fresh); fresh.scrollIntoView(); }
    };
    return true;
  }
  // What somebody typed, chose or ticked and did not send yet, against what the page came with.
  const controls = (part) => all("input, select, textarea", part).filter((c) => c.name && c.form && !/^(hidden|file|submit)$/.test(c.type));
  const ticks = (c) => c.type === "checkbox" || c.type === "radio";
  const unsent = (c) => {
    if (ticks(c)) return c.checked !== c.defaultChecked;
    if (c.tagName !== "SELECT") return c.value !== c.defaultValue;
    const first = [...c.options].find((o) => o.defaultSelected) || c.options[0];
    return first && c.value !== first.value;
  };
  const twin = (c, others) => others.find((o) => (c.id ? o.id === c.id : o.name === c.name && o.form.action === c.form.action && (!ticks(c) || o.value === c.value)));
  // It goes along into the fresh part, with the value that the person had seen: what somebody else saved meanwhile is then a conflict,
  // and never overwritten unseen. Whether there was a place for all of it.
  function carry(old, fresh) {
    const others = controls(fresh);
    return controls(old).filter(unsent).every((c) => {
      const to = twin(c, others);
      if (!to) return ticks(c);
      if (ticks(c)) to.checked = c.checked; else to.value = c.value;
      const [seen, now] = [c.form.elements.namedItem("was"), to.form.elements.namedItem("was")];
      if (seen && now) now.value = seen.value;
      return true;
    });
  }
  function swap(old, fresh) {
    if (old.isEqualNode(fresh) || !carry(old, fresh)) return;
    const known = new Set(all("[data-row]", old).map((r) => r.dataset.row));
    const at = document.activeElement;
    const focus = at && old.contains(at) ? at.dataset.row || at.id : null;
    all("details[id]", fresh).forEach((d) => { const was = document.getElementById(d.id); if (was) d.open = was.open; });
    if (known.size) all("[data-row]", fresh).forEach((r) => { if (!known.has(r.dataset.row)) r.classList.add("fresh"); });
    old.replaceWith(fresh);
    if (focus) {
      const again = all("[data-row]", fresh).find((r) => r.dataset.row === focus) || document.getElementById(focus);
      if (again) again.focus({ preventScroll: true });
    }
  }
  let first = true;
  let last = null;
  const onChange = (message) => {
    for (const [name, count] of Object.entries(message.counts || {})) {
      all('[data-count="' + name + '"]').forEach((n) => { n.textContent = count || ""; });
    }
    if (message.clock) {
      const clock = $("[data-clock] b");
      if (clock) clock.textContent = message.clock;
    }
    const topics = new Set(message.topics || []);
    // Something happened after the page was made and before it listened: read everything once.
    const missed = message.all || (first && message.stamp > Number(words.stamp));
    if (message.stamp) first = false;
    all("[data-fragment]").forEach((part) => {
      const mine = part.dataset.topics.split(" ");
      if (missed || mine.some((t) => topics.has(t))) refresh(part);
    });
  };

  const channel = self.BroadcastChannel ? new BroadcastChannel("bolwerk") : null;
  if (channel) channel.onmessage = (e) => {
    // A window that opened asks what the listening one heard last.
    if (e.data === "ask") { if (source && last) channel.postMessage({ ...last, topics: [], all: false }); } else receive(e.data);
  };
  function receive(data) {
    if (data === "down") { down(); return; }
    const was = lost;
    up();
    if (data === "up") { if (was) onChange({ all: true }); } else onChange(was ? { ...data, all: true } : data);
  }
  const tell = (data) => { receive(data); if (channel) channel.postMessage(data); };
  let source = null;
  function listen() {
    if (source) source.close();
    source = new EventSource(words.stream);
    source.onopen = () => tell("up");
    source.onerror = () => tell("down");
    source.addEventListener("changed", (e) => tell((last = JSON.parse(e.data))));
  }
  if (words.stream) {
    say(true);
    // Browsers allow six connections to one host: one window holds the stream, the next takes over when it closes.
    if (navigator.locks && channel) navigator.locks.request("bolwerk-stream", () => new Promise(listen));
    else listen();
    if (channel) channel.postMessage("ask");
    const retry = $("[data-retry]");
    if (retry) retry.addEventListener("click", () => {
      if (source) listen(); else fetch(location.href, { method: "HEAD" }).then((r) => { if (r.ok) receive("up"); }, () => {});
    });
    // Who looks at this page now, for as long as it is on screen.
    setInterval(() => {
      if (document.visibilityState === "visible") all("[data-here]").forEach(refresh);
    }, 25000);
  }

  // ---- Keys: the help lists them; off while typing, and when the person switched them off. ----
  const typing = (t) => t.closest && t.closest("input:not([type=checkbox]):not([type=radio]), textarea, select, [contenteditable]");
  const rows = () => all("[data-row]").filter((r) => r.offsetParent !== null);
  const step = (by) => {
    const list = rows();
    if (!list.length) return;
    const at = list.indexOf(document.activeElement);
    const now = at < 0 ? list.findIndex((r) => r.hasAttribute("aria-current")) : at;
    const next = list[Math.min(list.length - 1, Math.max(0, now + by))];
    next.focus();
    next.scrollIntoView({ block: "nearest" });
  };
  // The help leaves out what does nothing on this page.
  const useful = (d) => all("[data-needs]", d).forEach((key) => {
    key.hidden = !all(key.dataset.needs).some((e) => !d.contains(e));
    key.nextElementSibling.hidden = key.hidden;
  });
  // Several are being chosen: the row that has the focus is one of them, or is not any more.
  const choose = () => {
    const row = document.activeElement.closest(".q-row");
    if (!row) { step(0); return; }
    const box = $("input[type=checkbox]", row);
    box.checked = !box.checked;
  };
  const open = (id) => { const d = document.getElementById(id); if (d && !d.open) { useful(d); d.showModal(); return true; } return false; };
  const press = (key) => {
    const target = all("[data-key]").find((e) => e.dataset.key.split(" ").includes(key) && e.offsetParent !== null);
    if (!target) {
      const anywhere = all("[data-anywhere]").find((e) => e.dataset.anywhere === key);
      if (anywhere) location.assign(anywhere.href);
      return anywhere || (key === "/" && open("palette"));
    }
    // Of several keys each may set a choice, or lead somewhere, of its own.
    const own = (list) => list && list.split(" ")[target.dataset.key.split(" ").indexOf(key)];
    const [sets, to] = [own(target.dataset.sets), own(target.dataset.to)];
    if (sets) {
      const [id, value] = sets.split("=");
      const choice = document.getElementById(id);
      if (choice) choice.value = value;
    }
    if (to) location.assign(to);
    else if (target.tagName === "SUMMARY") {
      const folded = target.parentElement;
      folded.open = true;
      ($("select, textarea, input:not([type=hidden])", folded) || target).focus();
    } else if (/^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName)) target.focus(); else target.click();
    return true;
  };
  let go = 0;
  addEventListener("keydown", (e) => {
    if ((e.ctrlKey || e.metaKey) && !e.altKey && e.key.toLowerCase() === "k" && document.getElementById("palette")) {
      e.preventDefault();
      open("palette");
      return;
    }
    if (e.ctrlKey || e.metaKey || e.altKey || e.isComposing) return;
    if (e.key === "Escape") {
      if (document.querySelector("dialog[open]")) return;
      if (typing(e.target)) { e.target.blur(); return; }
      const back = $("[data-back]");
      if (back) back.click();
      return;
    }
    if (words.keys !== "on" || typing(e.target) || document.querySelector("dialog[open]")) return;
    if (go && e.timeStamp - go < 1500) {
      const place = all(".nav [data-go]").find((a) => a.dataset.go === e.key);
      go = 0;
      if (place) { e.preventDefault(); place.click(); }
      return;
    }
    let done = true;
    if (e.key === "j") step(1);
    else if (e.key === "k") step(-1);
    else if (e.key === "g") go = e.timeStamp;
    else if (e.key === "?") open("keys");
    else if (e.key === "x" && $(".q-row")) choose();
    else if (e.key.length === 1) done = press(e.key);
    else done = false;
    if (done) e.preventDefault();
  });

  // ---- Palette: answers as you type; without script the same is the search page. ----
  addEventListener("click", (e) => {
    const opener = e.target.closest && e.target.closest("[data-open]");
    if (opener && open(opener.dataset.open)) e.preventDefault();
    if (e.target.tagName === "DIALOG") e.target.close();
    const away = e.target.closest && e.target.closest("[data-dismiss]");
    if (away) away.closest(".toast").remove();
    const copy = e.target.closest && e.target.closest("[data-copy]");
    if (copy) navigator.clipboard.writeText($(copy.dataset.copy).innerText).then(() => { copy.textContent = copy.dataset.copied; });
  });
  const input = $("[data-palette]");
  if (input) {
    const list = $("#pal-list");
    const places = all("li", list);
    let asked = 0;
    input.addEventListener("input", async () => {
      const q = input.value.trim();
      const mine = ++asked;
      places.forEach((li) => { li.hidden = q !== "" && !li.textContent.toLowerCase().includes(q.toLowerCase()); });
      let found = [];
      if (q.length > 1) {
        try {
          const answer = await fetch(input.dataset.palette + "?deel=palet&q=" + encodeURIComponent(q), { credentials: "same-origin" });
          if (answer.ok) found = [...parse(await answer.text()).querySelectorAll("li")];
        } catch { return; }
      }
      if (mine !== asked) return;
      list.replaceChildren(...found, ...places);
    });
    const pal = $("#palette");
    pal.addEventListener("keydown", (e) => {
      if (e.key !== "ArrowDown" && e.key !== "ArrowUp") return;
      const links = all("#pal-list li:not([hidden]) a");
      const at = links.indexOf(document.activeElement);
      const next = e.key === "ArrowDown" ? at + 1 : at - 1;
      (links[next] || input).focus();
      e.preventDefault();
    });
  }

  // ---- Search page: results while typing. ----
  const finder = $("[data-search]");
  if (finder) {
    let timer = 0;
    finder.addEventListener("input", () => {
      clearTimeout(timer);
      timer = setTimeout(() => {
        const part = document.getElementById("found");
        const fields = new URLSearchParams(new FormData(finder.form));
        const address = finder.form.getAttribute("action") + "?" + fields;
        part.dataset.fragment = address + "&deel=gevonden";
        history.replaceState(null, "", address);
        refresh(part);
      }, 120);
    });
  }

  // ---- Toast: stays 20 s, not while it holds the focus; the address forgets it at once. ----
  if (sent) {
    const url = new URL(location.href);
    ["gedaan", "over", "nr", "aantal", "samen"].forEach((n) => url.searchParams.delete(n));
    history.replaceState(null, "", url);
  }
  all("[data-toast]").forEach((toast) => {
    let left = 20;
    const timer = setInterval(() => {
      if (toast.matches(":hover, :focus-within")) return;
      if (--left <= 0) { clearInterval(timer); toast.remove(); }
    }, 1000);
  });

  const mistaken = $("[data-focus]");
  if (mistaken) mistaken.focus();
  // In one column the report that was opened stands above the list: it comes into view, not its row far below.
  const read = matchMedia("(max-width: 68rem)").matches && $(".triage.open .read");
  const current = $("[data-row][aria-current]");
  if (read) { if (!read.contains(document.activeElement)) read.scrollIntoView(); }
  else if (current) current.scrollIntoView({ block: "nearest" });
})();
