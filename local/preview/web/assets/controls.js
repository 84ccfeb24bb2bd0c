// The controls of a sheet. Each reads what is chosen from the state that all
// questions carry, and writes the reader's choice into it.

import { el, post } from "./dom.js";

const grains = { MINUTE: "minutes", HOUR: "hours", DAY: "days", WEEK: "weeks", MONTH: "months", QUARTER: "quarters", YEAR: "years" };
const periods = { LAST: "Last", THIS: "This", PREVIOUS: "Previous", NEXT: "Next", NOW: "Up to now" };
let serial = 0;

// shown writes a choice: an instant to the minute where it has no seconds.
const shown = (value) => String(value).replace(/^(\d{4}-\d\d-\d\d)T(\d\d:\d\d)(:\d\d)?(\.\d+)?Z$/, (_, day, time, seconds = ":00") => `${day} ${time}${seconds === ":00" ? "" : seconds}`);

// control is the element of one control; its sync member shows the state again.
// page gives the state, and changes it: {state(), choose(change)}.
export function control(spec, sheet, page) {
  const id = `control-${++serial}`;
  const part = kinds[spec.kind] ?? kinds.text;
  const { nodes, sync, wide } = part(spec, { id, sheet, ...access(spec, page), state: page.state });
  const node = el("div", { class: `control ${wide ? "wide" : ""}`, "data-control": spec.id, "data-kind": spec.kind, role: "group", "aria-labelledby": id },
    el("span", { class: "label", id }, spec.title || spec.parameter || "Filter"), ...nodes);
  node.sync = sync;
  sync();
  return node;
}

// access reads and writes the parameter or the filter that a control stands for.
function access({ parameter, filter, value, from, to, relative }, page) {
  const own = () => page.state().filters?.[filter];
  return {
    values: () => (parameter ? page.state().parameters?.[parameter] : own() && (own().values ?? [])) ?? value ?? [],
    range: () => (own() ? { from: own().from ?? "", to: own().to ?? "" } : { from: from ?? "", to: to ?? "" }),
    relative: () => own()?.relative ?? relative ?? { type: "LAST", number: 1, grain: "DAY" },
    setValues: (values) => page.choose((state) => {
      if (parameter) state.parameters[parameter] = values;
      else state.filters[filter] = values.length ? { values } : { all: true };
    }),
    setChoice: (choice) => page.choose((state) => {
      if (parameter) state.parameters[parameter] = [choice.from ?? choice.to ?? ""].filter(Boolean);
      else state.filters[filter] = Object.values(choice).some(Boolean) ? choice : { all: true };
    }),
  };
}

// options is the list of choices behind a dropdown.
function options(spec, { id, sheet, values, setValues, state }) {
  const list = el("div", { class: "options" });
  const search = el("input", { type: "search", placeholder: "Search", "aria-label": `Search ${spec.title}`, hidden: true });
  const note = el("p", { class: "note", role: "status" });
  let offered = spec.values ?? [];
  const option = (value, name, checked) => el("label", { class: "option" },
    el("input", { type: spec.multi ? "checkbox" : "radio", name: id, value: value ?? "", checked, onchange: (event) => pick(value, event.target.checked) }),
    el("span", {}, name));
  const pick = (value, on) => {
    if (value === null) setValues([]);
    else if (!spec.multi) setValues([value]);
    else setValues(on ? [...values(), value] : values().filter((other) => other !== value));
  };
  const show = () => {
    const chosen = values();
    const focused = list.contains(document.activeElement) ? document.activeElement.value : null;
    const needle = search.value.toLowerCase();
    const all = [...new Set([...chosen, ...offered])].sort((a, b) => offered.indexOf(a) - offered.indexOf(b));
    search.hidden = all.length < 9;
    list.replaceChildren(
      ...(spec.selectAll !== false || chosen.length === 0 ? [option(null, "All", chosen.length === 0)] : []),
      ...all.filter((value) => shown(value).toLowerCase().includes(needle)).map((value) => option(value, shown(value) || "(empty)", chosen.includes(value))));
    if (focused !== null) [...list.querySelectorAll("input")].find((input) => input.value === focused)?.focus();
  };
  const load = async () => {
    if (spec.values) return show();
    note.textContent = offered.length ? "" : "Loading…";
    try {
      const answer = await post("values", { sheet, control: spec.id }, state());
      offered = answer.values ?? [];
      note.textContent = answer.more ? "There are more values than can be listed." : offered.length ? "" : "No values.";
    } catch (error) {
      note.textContent = error.message;
    }
    show();
  };
  search.addEventListener("input", show);
  return { nodes: [search, list, note], load, show };
}

const kinds = {
  dropdown(spec, use) {
    const { nodes, load, show } = options(spec, use);
    const summed = el("span", {});
    const summary = el("summary", { "aria-labelledby": `${use.id} ${use.id}-value` }, summed);
    summed.id = `${use.id}-value`;
    const menu = el("details", { class: "menu", ontoggle: () => { if (menu.open) load(); } }, summary, el("div", { class: "panel" }, ...nodes));
    if (!spec.multi) menu.addEventListener("change", () => { menu.open = false; summary.focus(); });
    return { nodes: [menu], sync: () => {
      const chosen = use.values();
      summed.textContent = chosen.length === 0 ? "All" : chosen.length > 2 ? `${chosen.length} chosen` : chosen.map(shown).join(", ");
      if (menu.open) show();
    } };
  },

  text(spec, use) {
    // A text of several values has one a line.
    const input = el(spec.multi ? "textarea" : "input", { "aria-labelledby": use.id, rows: 2, placeholder: "All", onchange: () => use.setValues(input.value.split("\n").map((line) => line.trim()).filter(Boolean)) });
    return { nodes: [input], sync: () => { if (document.activeElement !== input) input.value = use.values().join("\n"); } };
  },

  // A slider has a thumb for each bound that is set, or one for a value.
  slider(spec, use) {
    const bounds = ["from", "to"].filter((side) => spec[side]);
    const output = el("output", {});
    const slider = (name) => el("input", {
      type: "range", min: spec.min ?? 0, max: spec.max ?? 100, step: spec.step || "any", "aria-label": `${spec.title} ${name}`,
      oninput: () => { output.textContent = inputs.map((input) => Number(input.value).toLocaleString("en-US", { maximumFractionDigits: 2 })).join(" – "); },
      onchange: () => (bounds.length ? use.setChoice(Object.fromEntries(bounds.map((side, i) => [side, inputs[i].value]))) : use.setValues([inputs[0].value])),
    });
    const inputs = bounds.length ? bounds.map(slider) : [slider("value")];
    return { nodes: [...inputs, output], sync: () => {
      inputs.forEach((input, i) => { if (document.activeElement !== input) input.value = (bounds.length ? use.range()[bounds[i]] : use.values()[0]) ?? spec.min ?? 0; });
      inputs[0].dispatchEvent(new Event("input"));
    } };
  },

  date(spec, use) {
    const input = instant(spec, use.id, () => use.setValues([input.read()].filter(Boolean)));
    return { nodes: [input], sync: () => input.write(use.values()[0] ?? "") };
  },

  daterange(spec, use) {
    const inputs = ["from", "to"].map((side) => instant(spec, use.id, () => use.setChoice({ from: inputs[0].read(), to: inputs[1].read() }), side));
    return { nodes: [inputs[0], el("span", { class: "to" }, "to"), inputs[1]], wide: true, sync: () => {
      const { from, to } = use.range();
      inputs[0].write(from);
      inputs[1].write(to);
    } };
  },

  relative(spec, use) {
    const change = () => {
      number.hidden = !["LAST", "NEXT"].includes(type.value);
      use.setChoice({ relative: { type: type.value, number: Math.max(1, Number(number.value) || 1), grain: grain.value } });
    };
    const select = (name, entries) => el("select", { "aria-label": `${spec.title} ${name}`, onchange: change }, ...Object.entries(entries).map(([value, title]) => el("option", { value }, title)));
    const type = select("period", periods), grain = select("unit", grains);
    const number = el("input", { type: "number", min: 1, max: 999, "aria-label": `${spec.title} count`, onchange: change });
    return { nodes: [type, number, grain], wide: true, sync: () => {
      const now = use.relative();
      type.value = now.type;
      grain.value = now.grain;
      number.hidden = !["LAST", "NEXT"].includes(now.type);
      if (document.activeElement !== number) number.value = now.number || 1;
    } };
  },
};

// instant is an input of a day, or of a day and a time in UTC where the grain is
// finer. It reads and writes dates (2024-01-31) and RFC 3339 instants.
function instant(spec, id, onchange, side = "") {
  const fine = ["HOUR", "MINUTE", "SECOND", "MILLISECOND"].includes(spec.grain);
  const input = el("input", { type: fine ? "datetime-local" : "date", step: spec.grain === "SECOND" ? 1 : null, "aria-label": `${spec.title} ${side} (UTC)`, onchange });
  input.read = () => (input.value && fine ? new Date(`${input.value}Z`).toISOString().replace(".000Z", "Z") : input.value);
  input.write = (value) => {
    if (document.activeElement === input) return;
    const date = new Date(value);
    input.value = value && !Number.isNaN(date.getTime()) ? date.toISOString().slice(0, fine ? (spec.grain === "SECOND" ? 19 : 16) : 10) : "";
  };
  return input;
}
