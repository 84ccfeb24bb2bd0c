// A card is the place of one visual on a sheet: it asks for its drawing and shows it.

import { init } from "./echarts.js";
import { chartOption } from "./charts.js";
import { cellsOf, heatmapOption, pieOption, slicesOf, sparkline } from "./figures.js";
import { mapOption, zoomButtons } from "./map.js";
import { asTable, partOf, pivot, table } from "./tables.js";
import { colorOf, dark } from "./palette.js";
import { el, post } from "./dom.js";
import { number } from "./format.js";

const options = {
  chart: chartOption, pie: pieOption, heatmap: heatmapOption, map: mapOption, kpi: ({ sparkline: trend }) => sparkline(trend),
};
const calm = matchMedia("(prefers-reduced-motion: reduce)");
const names = {
  chart: "Chart", pie: "Pie chart", kpi: "Key figure", heatmap: "Heat map", map: "Map", table: "Table", pivot: "Pivot table",
};

let serial = 0;

// Card shows the visual id of a sheet, under its title from the start. drawn is
// called with each drawing, and gone when the server has no more of the version
// that was asked for.
export class Card {
  constructor(sheet, element, drawn, gone) {
    Object.assign(this, { sheet, element, id: element.id, drawn, gone, asTable: false });
    this.title = el("h2", { id: `title-${++serial}` });
    this.subtitle = el("p", { class: "subtitle" });
    this.notes = el("details", { class: "notes menu", hidden: true });
    this.toggle = el("button", { type: "button", class: "toggle", hidden: true, "aria-pressed": "false", onclick: () => this.flip() }, "Table");
    this.body = el("div", { class: "body" }, el("div", { class: "skeleton" }));
    this.node = el("section", { class: "card", "data-visual": this.id, "data-kind": "", "data-state": "loading", "aria-labelledby": this.title.id, "aria-busy": "true" },
      el("div", { class: "head" }, el("div", {}, this.title, this.subtitle), el("div", { class: "tools" }, this.notes, this.toggle)), this.body);
    this.entitle(element);
    this.observer = new ResizeObserver(() => this.resize());
    this.observer.observe(this.body);
  }

  // ask gives the drawing on a version of the data, and chosen says whether the state is
  // the reader's own; a newer question replaces this one. It is null where there is none to show: because of a newer question,
  // or because the version is gone.
  async ask(state, version, { chosen, quiet }) {
    this.question?.abort();
    const question = this.question = new AbortController();
    if (!quiet) this.node.setAttribute("aria-busy", "true");
    try {
      const drawing = await post("visual", { sheet: this.sheet, visual: this.id, version }, state, question.signal);
      return drawing.empty ? { ...drawing, chosen } : drawing;
    } catch (error) {
      if (error.name === "AbortError") return null;
      if (error.status !== 410) return { id: this.id, kind: "", title: this.drawing?.title ?? this.element.title, subtitle: this.drawing?.subtitle ?? this.element.subtitle, faults: [{ file: "", path: `visual ${this.id}`, problem: error.message }] };
      this.node.setAttribute("aria-busy", "false");
      this.gone();
      return null;
    } finally {
      if (this.question === question) this.question = null;
    }
  }

  show(drawing, animate = false) {
    if (!this.question) this.node.setAttribute("aria-busy", "false");
    this.drawn(drawing);
    const same = this.drawing && JSON.stringify(drawing) === JSON.stringify(this.drawing);
    if (same && !this.stale) return;
    const before = this.state;
    this.stale = false;
    this.drawing = drawing;
    this.state = drawing.faults?.length ? "error" : drawing.kind === "placeholder" ? "placeholder" : drawing.empty ? "empty" : "ready";
    Object.assign(this.node.dataset, { kind: drawing.kind, state: this.state });
    this.entitle(drawing);
    this.showNotes(drawing.notes ?? []);
    this.toggle.hidden = this.state !== "ready" || !asTable(drawing);
    const form = this.state === "ready" ? `ready ${drawing.kind} ${this.asTable}` : this.state;
    if (form !== this.form || before !== this.state) this.clear();
    this.form = form;
    this.fill(drawing, animate && !calm.matches);
  }

  // entitle writes the title and the subtitle; a card without a title has a name for
  // screen readers.
  entitle({ title, subtitle, kind }) {
    this.title.textContent = title ?? "";
    this.subtitle.textContent = this.subtitle.title = subtitle ?? "";
    this.node.classList.toggle("untitled", !title && !subtitle);
    if (!title) this.title.append(el("span", { class: "hidden" }, names[kind] ?? "Visual"));
  }

  fill(drawing, animate) {
    if (this.state === "error") return this.put(faults(drawing.faults));
    if (this.state === "placeholder") return this.put(placeholder(drawing.placeholder));
    if (this.state === "empty") return this.put(el("p", { class: "empty" }, drawing.chosen ? "No data for these filters" : "No data"));
    const part = partOf(drawing);
    const caption = drawing.title || names[drawing.kind] || "Values";
    if (this.asTable && asTable(drawing)) return this.put(table(asTable(drawing), caption));
    switch (drawing.kind) {
      case "table": return this.put(table(part, caption));
      case "pivot": return this.put(pivot(part, caption));
      case "text": case "insight": return this.put(rich(part.html));
      case "kpi": return this.kpi(part, animate);
      default: return this.plot(drawing, part, animate);
    }
  }

  // put replaces the body by an element, and keeps how far it was scrolled.
  put(node) {
    const old = this.body.querySelector(".scroll");
    const [left, top, focused] = [old?.scrollLeft ?? 0, old?.scrollTop ?? 0, old && old === document.activeElement];
    this.clear();
    this.body.replaceChildren(node, ...this.more());
    if (!old || !node.matches(".scroll")) return;
    node.scrollTo(left, top);
    if (focused) node.focus({ preventScroll: true });
  }

  // more says that the drawing leaves something out.
  more() {
    const { more } = partOf(this.drawing) ?? {};
    if (!more) return [];
    const said = more === true ? "There is more than is shown here." : `${more.toLocaleString("en-US")} more not shown`;
    return [el("p", { class: "more" }, said)];
  }

  // canvas is the element that ECharts draws on, made when there is none.
  canvas(parent) {
    if (!this.chart) {
      const node = el("div", { class: "plot", role: "img" });
      parent.append(node);
      this.chart = init(node, null, { locale: "EN" });
      this.moved = false; // the map, by its reader
      this.chart.on("datazoom", () => { this.moved = true; });
      if (this.drawing.kind === "map") node.append(zoomButtons(this.chart, () => { this.moved = false; this.paint(); }));
      this.plotNode = node;
      this.observer.observe(node);
    }
    this.plotNode.setAttribute("aria-label", `${names[this.drawing.kind]}: ${this.drawing.title}. The Table button gives its values.`);
    return this.plotNode;
  }

  plot(drawing, part, animate) {
    if (!this.chart) {
      this.frame = el("div", { class: "frame" });
      this.body.replaceChildren(this.frame);
    }
    this.canvas(this.frame);
    this.legend(drawing, part);
    this.body.querySelector(":scope > .more")?.remove();
    this.body.append(...this.more());
    this.paint(animate);
  }

  // paint sets the chart's option for the room there is now.
  paint(animate = false) {
    const { drawing, chart, plotNode } = this;
    const size = { width: plotNode.clientWidth, height: plotNode.clientHeight };
    if (!chart || !size.width || !size.height) return;
    const option = options[drawing.kind](partOf(drawing), size);
    // A chart of the same shape is merged, so that tooltips and the scroll bar stay.
    const axes = [option.xAxis, option.yAxis].flat().map((axis) => axis?.type).join();
    const shape = `${axes} ${option.dataZoom?.length} ${dark.matches}`;
    const merge = shape === this.shape;
    const stays = merge && (drawing.kind !== "map" || this.moved);
    if (stays) for (const zoom of option.dataZoom ?? []) delete zoom.startValue, delete zoom.endValue;
    this.shape = shape;
    chart.setOption({ ...option, animation: animate, animationDuration: 350, animationDurationUpdate: 250 }, merge ? { replaceMerge: ["series"] } : { notMerge: true });
  }

  legend(drawing, part) {
    this.frame.querySelector(".legend")?.remove();
    const entries = legends[drawing.kind]?.(part) ?? [];
    const unknown = hatched[drawing.kind]?.(part);
    this.frame.dataset.legend = entries.length || unknown ? drawing.kind === "heatmap" ? "top" : part.legend || "top" : "none";
    const key = unknown && el("span", { class: "missing" }, el("i", { class: "hatch" }), el("span", {}, unknown));
    if (entries.length === 0 && key) this.frame.prepend(el("div", { class: "legend" }, key));
    if (entries.length === 0) return;
    const entry = ({ color, name, shape }) =>
      el("span", { title: name }, el("i", { class: shape, style: `background:${color}` }), el("span", {}, name));
    this.frame.prepend(el("div", { class: "legend", role: "group", "aria-label": "Legend" }, ...entries.map(entry), key));
  }

  kpi(part, animate) {
    const head = el("div", { class: "figure" },
      el("p", { class: "label" }, [part.label, part.period].filter(Boolean).join(" · ")),
      el("p", { class: `value ${part.value.value === null ? "null" : ""}` }, part.value.text),
      part.comparison && comparison(part.comparison));
    if (!part.sparkline) {
      this.clear();
      return this.body.replaceChildren(el("div", { class: "kpi" }, head));
    }
    if (this.chart) this.body.querySelector(".figure").replaceWith(head);
    else {
      const box = el("div", { class: "kpi" }, head);
      this.body.replaceChildren(box);
      this.canvas(box);
    }
    this.paint(animate);
  }

  showNotes(notes) {
    this.notes.hidden = notes.length === 0;
    const open = this.notes.open;
    this.notes.replaceChildren(el("summary", { "aria-label": `Notes on how this is drawn: ${notes.length}` }, "i"), el("div", { class: "panel" }, el("ul", {}, ...notes.map((note) => el("li", {}, note)))));
    this.notes.open = open;
  }

  flip() {
    this.asTable = !this.asTable;
    this.toggle.setAttribute("aria-pressed", String(this.asTable));
    this.toggle.textContent = this.asTable ? "Chart" : "Table";
    this.redraw();
  }

  // redraw shows the drawing again, in another theme or another form.
  redraw() {
    if (!this.drawing) return;
    this.stale = true;
    this.show(this.drawing);
  }

  resize() {
    if (!this.chart || !this.plotNode.clientWidth) return;
    this.chart.resize();
    this.moved = false; // another room has another scale
    this.paint();
  }

  // clear gives back what a chart holds.
  clear() {
    if (!this.chart) return;
    this.observer.unobserve(this.plotNode);
    this.chart.dispose();
    this.chart = this.shape = this.plotNode = null;
  }

  remove() {
    this.question?.abort();
    this.observer.disconnect();
    this.clear();
  }
}

const legends = {
  chart: ({ legend, series }) => (legend ? series.map((s, i) => ({ color: colorOf(s.color, i), name: s.name, shape: s.type })) : []),
  pie: (pie) => (pie.legend ? slicesOf(pie) : []).map(({ name, value, color }) => (
    { color, name: number(value) === null ? `${name} (${value.text})` : name, shape: "bar" })),
};

// hatched says what a drawing's hatched marks are, if it has any.
const missing = (cells) => cells.find((cell) => cell.value === null)?.text;
const hatched = {
  chart: ({ series }) => missing(series.filter((s) => s.type === "bar" && s.marked).flatMap((s) => s.values)),
  heatmap: (heatmap) => missing(cellsOf(heatmap)),
  map: ({ size, points }) => size && missing(points.map((point) => point.size)),
};

// comparison says by a sign how far the value is from another one, and nothing about
// whether that is good.
function comparison({ label, value, way, by }) {
  if (!way) return el("p", { class: "comparison" }, `${label ? `${label}: ` : ""}${value.text}`);
  const [sign, from] = { up: ["▲", "from"], down: ["▼", "from"], level: ["■", "the same as"] }[way];
  return el("p", { class: "comparison" }, el("b", {}, el("span", { role: "img", "aria-label": way }, sign), by && ` ${by}`),
    ` ${from} ${value.text}${label ? ` (${label})` : ""}`);
}

// faults are what is wrong, where.
export function faults(list) {
  return el("div", { class: "faults", role: "note", tabIndex: 0 }, el("strong", {}, list.length > 1 ? `${list.length} faults` : "Cannot be drawn"),
    el("ul", {}, ...list.map(({ file, path, problem }) => el("li", {}, el("span", {}, problem), (file || path) && el("code", {}, [file, path].filter(Boolean).join("  "))))));
}

function placeholder(part) {
  return el("div", { class: "placeholder" }, el("strong", {}, part?.feature || "Unknown visual"), el("span", {}, "is not drawn by this preview yet. QuickSight shows it."));
}

// rich shows HTML that the server wrote from a short list of elements.
function rich(html) {
  const box = el("div", { class: "rich", tabIndex: 0 });
  box.innerHTML = html;
  return box;
}
