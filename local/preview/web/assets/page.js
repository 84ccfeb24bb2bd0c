// The page: its sheets, what the reader has chosen, and the data's changes.

import { Card, faults } from "./cards.js";
import { control } from "./controls.js";
import { el, get } from "./dom.js";
import { dark } from "./palette.js";

const $ = (id) => document.getElementById(id);
const drawings = {};
const pending = new Set();
const sheets = new Map(); // what is on the page, by the sheet's id
let dashboard = null;
let state = { parameters: {}, filters: {} };
let serial = 0; // counts what makes drawings stale: a choice, new data
let shape = "";

// headcount is for tests in a browser: the drawings that are shown, by visual,
// and a promise of the moment when nothing is asked any more.
window.headcount = {
  drawings,
  settled: async () => {
    do {
      await new Promise((next) => setTimeout(next)); // for what is on its way to be asked
      await Promise.allSettled([...pending]);
    } while (pending.size);
  },
};

// busy keeps a promise among the pending ones until it is done.
function busy(promise) {
  pending.add(promise);
  promise.finally(() => pending.delete(promise)).catch(() => {});
  return promise;
}

// load asks for the dashboard and shows it; the page is built again only if the
// definition is another one, not when its data is newer.
async function load() {
  const answer = await get("dashboard");
  const volatile = new Set(["state", "version", "value", "from", "to", "min", "max", "relative"]);
  const now = JSON.stringify(answer, (key, value) => (volatile.has(key) ? undefined : value));
  if (now !== shape) {
    if (!dashboard) state = fresh(answer.state);
    build(answer);
  }
  dashboard = answer;
  shape = now;
}

const fresh = (given) => structuredClone({ parameters: given?.parameters ?? {}, filters: given?.filters ?? {} });

function build(next) {
  for (const sheet of sheets.values()) sheet.cards.forEach((card) => card.remove());
  sheets.clear();
  for (const id of Object.keys(drawings)) delete drawings[id];
  $("title").textContent = document.title = next.title || next.file;
  $("file").textContent = next.file;
  showFaults(next.faults ?? []);
  $("tabs").hidden = next.sheets.length < 2;
  $("tabs").replaceChildren(...next.sheets.map(({ id, name }) => el("a", { id: `tab-${id}`, href: `#${encodeURIComponent(id)}` }, name)));
  $("sheets").replaceChildren(...next.sheets.map(buildSheet));
  select();
}

function showFaults(list) {
  const before = $("faults").querySelector("details")?.open;
  $("faults").replaceChildren(...(list.length === 0 ? [] : [el("details", { class: "banner", open: before ?? false },
    el("summary", {}, list.length === 1 ? "The definition has a fault" : `The definition has ${list.length} faults`), faults(list))]));
}

function buildSheet(sheet) {
  const page = { state: () => state, choose };
  const controls = (sheet.controls ?? []).map((spec) => control(spec, sheet.id, page));
  const cards = [];
  const elements = [...sheet.elements].sort((a, b) => (a.row ?? 1e9) - (b.row ?? 1e9) || (a.column ?? 1e9) - (b.column ?? 1e9));
  const columns = sheet.columns || 36;
  const grid = el("div", { class: "grid", style: `--columns:${columns}` }, ...elements.map((element) => {
    const card = new Card(sheet.id, element, (drawing) => { drawings[element.id] = drawing; }, refresh);
    cards.push(card);
    return place(card.node, element, columns);
  }));
  const reset = el("button", { type: "button", class: "reset", hidden: true, onclick: () => { state = fresh(dashboard.state); changed(); } }, "Reset");
  const dates = (sheet.controls ?? []).filter((spec) => spec.kind === "date" && spec.parameter);
  const warned = el("p", { class: "warning", role: "status" });
  const node = el("div", { class: "sheet", id: `sheet-${sheet.id}`, role: "region", "aria-labelledby": `tab-${sheet.id}`, hidden: true },
    sheet.description && el("p", { class: "description" }, sheet.description),
    controls.length > 0 && el("div", { class: "controls" }, ...controls, reset), warned, grid);
  sheets.set(sheet.id, { id: sheet.id, node, cards, controls, reset, warned, dates, serial: -1, version: null });
  return node;
}

// place puts an element on the grid; without a row or a column it flows.
function place(node, { column, row, columnSpan, rowSpan }, columns) {
  const [width, height] = [Math.min(Number(columnSpan) || 18, columns - (column ?? 0)), Number(rowSpan) || 12];
  node.style.setProperty("--rows", height);
  node.style.gridColumn = (column ?? null) === null ? `span ${width}` : `${column + 1} / span ${width}`;
  node.style.gridRow = (row ?? null) === null ? `span ${height}` : `${row + 1} / span ${height}`;
  return node;
}

const current = () => [...sheets.values()].find((sheet) => !sheet.node.hidden);

// select shows the sheet that the address names, or the first one.
function select() {
  const wanted = decodeURIComponent(location.hash.slice(1));
  const id = sheets.has(wanted) ? wanted : sheets.keys().next().value;
  for (const sheet of sheets.values()) {
    sheet.node.hidden = sheet.id !== id;
    $(`tab-${sheet.id}`).ariaCurrent = sheet.id === id ? "page" : null;
  }
}

let asking = Promise.resolve(); // the questions of ask that came last

// ask asks for what the sheet shows, if that is stale. quiet is for new data:
// nothing moves but what has changed.
function ask(quiet = false) {
  const sheet = current();
  if (!sheet || sheet.serial === serial) return asking;
  sheet.serial = serial;
  return asking = answer(sheet, dashboard.version, quiet);
}

// answer shows the sheet's cards as their answers come; but where others show an
// older version of the data, all at once, so that no two versions are compared.
async function answer(sheet, version, quiet) {
  const together = sheet.version !== null && sheet.version !== version;
  if (!together) sheet.version = version;
  const shows = await Promise.all(sheet.cards.map(async (card) => {
    const still = quiet && Boolean(card.drawing);
    const drawing = await card.ask(state, version, { chosen: chosen(), quiet: still });
    const show = drawing && (() => card.show(drawing, !still));
    if (show && !together) show();
    return show;
  }));
  if (!together || !shows.every(Boolean)) return; // the next questions are under way
  sheet.version = version;
  shows.forEach((show) => show());
}

// answered waits for questions that are under way: what is asked anew with each
// change of the data would never be answered while changes come faster.
async function answered() {
  for (let last = null; last !== asking;) await (last = asking);
}

function choose(change) {
  const next = fresh(state);
  change(next);
  state = next;
  changed();
}

// warning says why a period that two controls bound has nothing in it.
function warning(dates) {
  const [from, to] = ["From", "To"].map((title) => dates.find((spec) => spec.title.startsWith(title)));
  const at = (spec) => Date.parse(spec && state.parameters[spec.parameter]?.[0]);
  return at(from) >= at(to) ? `There is no data, because ${from.title} is not before ${to.title}.` : "";
}

// chosen says whether the reader has changed anything.
const chosen = () => JSON.stringify(state) !== JSON.stringify(fresh(dashboard.state));

function changed() {
  serial++;
  for (const sheet of sheets.values()) {
    sheet.controls.forEach((node) => node.sync());
    sheet.reset.hidden = !chosen();
    sheet.warned.textContent = warning(sheet.dates);
  }
  busy(ask());
}

let refreshing = null, again = false;

// refresh shows newer data; changes that come in the meantime are one more round.
function refresh() {
  again = true;
  refreshing ??= busy((async () => {
    while (again) {
      again = false;
      try {
        await load();
        await answered();
        serial++;
        await ask(true);
        document.body.dataset.version = dashboard.version;
        live("live", "Live");
      } catch (error) {
        live("lost", "Not connected");
        if (!dashboard) $("sheets").replaceChildren(faults([{ file: "", path: "", problem: error.message }]));
      }
    }
    refreshing = null;
  })());
}

function live(is, said) {
  $("live").dataset.live = is;
  if ($("live").textContent !== said) $("live").textContent = said;
}

function listen() {
  const changes = new EventSource("api/changes");
  changes.onopen = () => { if ($("live").dataset.live === "lost") refresh(); else live("live", "Live"); };
  changes.onerror = () => live("lost", "Connection lost, trying again");
  changes.onmessage = ({ data }) => {
    let version;
    try { ({ version } = JSON.parse(data)); } catch { return; }
    if (dashboard && version !== dashboard.version) refresh();
  };
}

dark.addEventListener("change", () => sheets.forEach((sheet) => sheet.cards.forEach((card) => card.redraw())));
addEventListener("hashchange", () => { select(); busy(ask()); });

// Menus close on a click elsewhere and on Escape.
addEventListener("click", ({ target }) => document.querySelectorAll("details.menu[open]").forEach((menu) => { if (!menu.contains(target)) menu.open = false; }));
addEventListener("keydown", ({ key }) => {
  const menu = key === "Escape" && document.activeElement?.closest("details.menu[open]");
  if (!menu) return;
  menu.open = false;
  menu.querySelector("summary").focus();
});

refresh();
listen();
