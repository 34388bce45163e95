// Makes the manager's page live. Everything works without it: it only saves reloads.
"use strict";

const find = (selector, within = document) => within.querySelector(selector);
const all = (selector, within = document) => [...within.querySelectorAll(selector)];
const path = document.body.dataset.path;

// -- remembered choices

function remember(box, key) {
  const kept = localStorage.getItem(key);
  if (kept !== null) box.checked = kept === "1";
  box.addEventListener("change", () => localStorage.setItem(key, box.checked ? "1" : "0"));
}

// -- what the service tells

const tones = ["good", "watch", "bad", "off"];

function say(text) {
  find("#said").textContent = text;
}

function setTone(element, tone) {
  element.classList.remove(...tones);
  if (tone) element.classList.add(tone);
}

function setText(element, text) {
  if (element && element.textContent !== text) element.textContent = text;
}

function showCell(cell, news) {
  if ("text" in news) setText(find("a, span", cell) || cell, news.text);
  if ("tone" in news) {
    cell.classList.toggle("tone", news.tone !== "");
    setTone(cell, news.tone);
  }
  if (news.paths) all("path", cell).forEach((each, n) => each.setAttribute("d", news.paths[n]));
  if (news.label) find("svg", cell).setAttribute("aria-label", news.label);
}

function showCells(row, cells) {
  for (const cell of row.cells) {
    const news = cells[cell.dataset.name];
    if (news) showCell(cell, news);
  }
}

const panelOf = (section, kind, member) =>
  all(`[data-${kind}]`, section).find((each) => each.dataset[kind] === member);

function showState(section, member, news) {
  const line = panelOf(section, "state", member);
  if (!line) return;
  if ("text" in news) setText(line, news.text);
  if ("tone" in news) setTone(line, news.tone);
}

function showDrain(section, member, [text, since, part]) {
  const panel = panelOf(section, "drain", member);
  if (!panel) return;
  panel.hidden = text === undefined;
  if (panel.hidden) return;
  const [lasting, words] = all("span", panel);
  setText(lasting, since);
  setText(words, text);
  const bar = find("progress", panel);
  if (part === null) bar.removeAttribute("value");
  else bar.value = part;
}

// Scripts take each link of the page for a member, so that it comes without these.
function linkOut(section) {
  for (const name of all(".out b:not(:has(a))", section)) {
    const rows = all("tr[data-member]", section);
    const row = rows.find((each) => each.dataset.member === name.textContent);
    const link = document.createElement("a");
    link.textContent = name.textContent;
    link.href = find("a", row)?.href;
    name.replaceChildren(link);
  }
}

function showOut(section, { out, more }) {
  const line = find("[data-live=out]", section);
  const [names, rest] = all("span", line);
  if (more !== undefined) setText(rest, more ? ` and ${more} more` : "");
  if (!out) return;
  line.hidden = out.length === 0;
  const parts = out.flatMap(([tone, text]) => {
    const name = document.createElement("b");
    name.className = `tone ${tone}`;
    name.textContent = text;
    return [", ", name];
  });
  names.replaceChildren(...parts.slice(1));
  linkOut(section);
}

function showAlarms(section, alarms) {
  const lines = alarms.map((text) => {
    const line = document.createElement("p");
    line.className = "message bad";
    line.textContent = text;
    return line;
  });
  find("[data-live=alarms]", section).replaceChildren(...lines);
}

function showBalancer(section, news) {
  if (news.alarms) showAlarms(section, news.alarms);
  showOut(section, news);
  if ("summary" in news) setText(find("[data-live=summary]", section), news.summary);
  if ("discovery" in news) {
    const line = find("[data-live=discovery]", section);
    line.hidden = !news.discovery;
    setText(line, news.discovery);
  }
  if ("traffic" in news) setText(find("[data-live=traffic]", section), news.traffic);
  if (news.cells) showCells(find("table.facts tbody tr", section), news.cells);
  for (const row of all("tr[data-member]", section)) {
    const its = news.members?.[row.dataset.member];
    if (!its) continue;
    if ("tone" in its) setTone(row, its.tone);
    if (its.cells) showCells(row, its.cells);
    if (its.cells?.State) showState(section, row.dataset.member, its.cells.State);
    if (its.drain) showDrain(section, row.dataset.member, its.drain);
  }
}

function showEvents(events) {
  const list = find("#events");
  find("#no-events").hidden = events.length > 0;
  list.replaceChildren(
    ...events.map((event) => {
      const item = document.createElement("li");
      item.className = event.kind;
      const parts = { time: event.time, b: event.about, span: event.text, i: event.who };
      for (const [tag, text] of Object.entries(parts)) {
        const part = document.createElement(tag);
        part.textContent = text;
        item.append(part, " ");
      }
      return item;
    }),
  );
}

function showLimits(limits) {
  const section = find("#limits");
  section.hidden = limits.length === 0;
  const body = find("tbody", section);
  const names = all("th", section).map((each) => each.textContent);
  while (body.rows.length > limits.length) body.deleteRow(-1);
  limits.forEach((texts, place) => {
    const row = body.rows[place] ?? body.insertRow();
    texts.forEach((text, n) => {
      const cell = row.cells[n] ?? row.insertCell();
      cell.dataset.name = names[n];
      setText(cell, text);
    });
  });
}

function showWorkers(workers) {
  const body = find("#workers tbody");
  if (!body) return workers.length === 0;
  while (body.rows.length > workers.length) body.deleteRow(-1);
  workers.forEach((worker, place) => {
    const row = body.rows[place] ?? body.insertRow();
    Object.entries(worker).forEach(([name, text], at) => {
      const cell = row.cells[at] ?? row.insertCell();
      cell.dataset.name = name;
      setText(cell, text);
    });
  });
  return true;
}

function shapeHere() {
  return JSON.stringify(
    all("section[data-balancer]")
      .map((section) => [
        section.dataset.balancer,
        all("table.members th", section).map((each) => each.dataset.name),
        all("tr[data-member]", section).map((each) => each.dataset.member),
      ])
      .sort(),
  );
}

function showUndo(section, undo) {
  const [number = "", text = ""] = undo;
  const button = find("[name=b_undo]", section);
  if ((button?.value ?? "") !== String(number)) return false;
  if (button) setText(button.nextElementSibling, text);
  return true;
}

let run = null;

function show(news) {
  let fits = !news.shape || JSON.stringify([...news.shape].sort()) === shapeHere();
  if (news.run) {
    // After a restart of the service its forms have other nonces.
    fits = fits && (run === null || run === news.run);
    run = news.run;
  }
  for (const section of all("section[data-balancer]")) {
    const its = news.balancers?.[section.dataset.balancer];
    if (!its) continue;
    showBalancer(section, its);
    if (its.undo && operates()) fits = showUndo(section, its.undo) && fits;
  }
  if (news.events) showEvents(news.events);
  if (news.limits) showLimits(news.limits);
  if (news.workers) fits = showWorkers(news.workers) && fits;
  if (!fits) refresh();
  search();
}

const operates = () => document.body.dataset.operates === "1";

let stream = null;
let paused = false;

function connect() {
  if (stream || paused || document.hidden) return;
  stream = new EventSource(`${path}?live=1`);
  const live = find("#live");
  live.hidden = false;
  live.textContent = "Connecting …";
  const told = (event) => {
    live.textContent = "Live";
    live.className = "hint on";
    show(JSON.parse(event.data));
  };
  stream.addEventListener("all", told);
  stream.addEventListener("some", told);
  stream.onerror = () => {
    live.className = "hint";
    live.textContent = "No connection to the service; trying again";
    if (stream.readyState === EventSource.CLOSED) {
      disconnect();
      setTimeout(connect, 5000);
    }
  };
}

function disconnect() {
  stream?.close();
  stream = null;
}

function pause() {
  const live = find("#live");
  paused = !paused;
  if (paused) {
    disconnect();
    live.className = "hint";
    live.textContent = "Paused: press p to go on";
  } else connect();
  say(live.textContent);
}

// -- pages that come by fetch

const parsed = (text) => new DOMParser().parseFromString(text, "text/html");
const sectionOf = (page, name) =>
  all("section[data-balancer]", page).find((each) => each.dataset.balancer === name);

// The tables anew; forms stay as somebody may be typing in them.
function takeTables(page) {
  const there = all("section[data-balancer]");
  if (there.length !== all("section[data-balancer]", page).length) {
    find("main").replaceWith(find("main", page));
    return;
  }
  for (const section of there) {
    const other = sectionOf(page, section.dataset.balancer);
    const row = document.activeElement?.closest("tr[data-member]")?.dataset.member;
    if (!other) continue;
    find(".live", section).replaceWith(find(".live", other));
    const nonce = find("input[name=nonce]", other)?.value;
    if (nonce) all("input[name=nonce]", section).forEach((each) => (each.value = nonce));
    if (row !== undefined) focusMember(row);
  }
  all("section[data-balancer]").forEach(linkOut);
}

function focusMember(name) {
  const row = all("tr[data-member]").find((each) => each.dataset.member === name);
  if (row) find("a", row).focus();
}

let refreshing = false;

async function refresh() {
  if (refreshing) return;
  refreshing = true;
  try {
    const answer = await fetch(location.href, { headers: { Accept: "text/html" } });
    if (answer.ok) takeTables(parsed(await answer.text()));
    search();
  } catch {
    // The stream says that there is no connection.
  } finally {
    setTimeout(() => (refreshing = false), 1000);
  }
}

const sameControl = (one, other) => one.name === other.name && one.type === other.type;

function focusAgain(form, control) {
  const klass = [...form.classList][0];
  const again = all(`form.${klass}`).flatMap((each) => [...each.elements]);
  const found = again.find((each) => sameControl(each, control) && each.type !== "hidden");
  (found || find("#messages")).focus({ preventScroll: Boolean(found) });
}

async function send(form, button) {
  const body = new URLSearchParams(new FormData(form, button));
  say("Sending …");
  form.setAttribute("aria-busy", "true");
  try {
    const answer = await fetch(form.action, {
      method: "POST",
      body,
      headers: { Accept: "text/html" },
    });
    const page = parsed(await answer.text());
    if (!find("#messages", page)) throw new Error(`status ${answer.status}`);
    take(page, form, button, body);
  } catch (fault) {
    say("");
    complain(`The service did not answer: ${fault.message}. It may or may not be changed.`);
  } finally {
    form.removeAttribute("aria-busy");
  }
}

function take(page, form, button, body) {
  const messages = all("#messages .message", page);
  const faulty = messages.some((each) => each.classList.contains("bad"));
  const text = messages.map((each) => each.textContent).join(" ");
  if (faulty && form.classList.contains("edit")) {
    find("#messages").replaceWith(find("#messages", page));
    takeTables(page);
    find("#messages").focus();
  } else {
    const open = all("main details[open] > summary").map((each) => each.textContent);
    find("main").replaceWith(find("main", page));
    all("section[data-balancer]").forEach(linkOut);
    for (const each of all("main summary")) each.parentElement.open = open.includes(each.textContent);
    const named = new URLSearchParams({ b: body.get("b") });
    if (body.get("w")) named.set("w", body.get("w"));
    history.replaceState(null, "", `${path}?${named}`);
    focusAgain(form, button || form.elements[0]);
  }
  say(text);
  search();
}

function complain(text) {
  const message = document.createElement("p");
  message.className = "message bad";
  message.textContent = text;
  find("#messages").replaceChildren(message);
  find("#messages").focus();
  say(text);
}

// -- finding members

function search() {
  const words = find("#find input").value.toLowerCase().split(/\s+/).filter(Boolean);
  for (const row of all("tr[data-member]")) {
    const text = row.textContent.toLowerCase();
    row.hidden = !words.every((word) => text.includes(word));
  }
}

function step(by) {
  const links = all("tr[data-member]:not([hidden]) a");
  const at = links.indexOf(document.activeElement);
  const next = at < 0 ? (by > 0 ? 0 : links.length - 1) : at + by;
  links[Math.min(Math.max(next, 0), links.length - 1)]?.focus();
}

const keys = {
  "/": () => find("#find input").focus(),
  j: () => step(1),
  k: () => step(-1),
  e: () => find("form.edit input:not([type=hidden])")?.focus(),
  u: () => find("[name=b_undo]")?.focus(),
  c: () => find("#columns").click(),
  p: pause,
  "?": () => {
    const help = find("#help");
    help.open = !help.open;
    find("summary", help).focus();
  },
};

function pressed(event) {
  const typing = event.target.matches("input:not([type=checkbox]), select, textarea");
  if (event.key === "Escape" && typing) {
    event.target.blur();
    return;
  }
  if (typing || event.ctrlKey || event.metaKey || event.altKey) return;
  if (!find("#keys").checked || !Object.hasOwn(keys, event.key)) return;
  event.preventDefault();
  keys[event.key]();
}

function start() {
  find("#find").hidden = find("#help").hidden = false;
  find("#find input").addEventListener("input", search);
  remember(find("#columns"), "txbalancer.columns");
  remember(find("#keys"), "txbalancer.keys");
  document.addEventListener("keydown", pressed);
  // A browser has few connections to one host, and nobody looks at a hidden tab.
  document.addEventListener("visibilitychange", () => (document.hidden ? disconnect() : connect()));
  document.addEventListener("submit", (event) => {
    event.preventDefault();
    if (!event.target.hasAttribute("aria-busy")) send(event.target, event.submitter);
  });
  all("section[data-balancer]").forEach(linkOut);
  connect();
}

start();
