// Tables: those that a definition asks for, and every chart's values as one.

import { el } from "./dom.js";
import { number, share } from "./format.js";

function element(name, { value, text }, { numeric, ...attributes } = {}) {
  return el(name, { ...attributes, class: [attributes.class, numeric && "number", value === null && "null"].filter(Boolean).join(" ") }, text);
}

// table is an element for a drawing's Table.
export function table(data, caption) {
  const { columns, rows, total, totalLabel, totalTop } = data;
  const line = (values, label) => el("tr", { class: label === undefined ? "" : "total" }, ...columns.map((column, i) =>
    (label !== undefined && i === 0 && values[0].value === ""
      ? el("th", { scope: "row" }, label || "Total")
      : element("td", values[i], { numeric: column.measure }))));
  const totals = total ? [line(total, totalLabel ?? "")] : [];
  const head = el("thead", {}, el("tr", {}, ...columns.map((column) => el("th", {
    scope: "col", class: column.measure ? "number" : "", style: column.width > 0 ? `min-width:${column.width}px` : "",
  }, column.title))), ...(totalTop ? totals : []));
  return el("div", { class: "scroll", tabIndex: 0, role: "region", "aria-label": caption },
    el("table", {}, el("caption", { class: "hidden" }, caption), head, el("tbody", {}, ...rows.map((values) => line(values))),
      total && !totalTop && el("tfoot", {}, ...totals)));
}

// pivot is an element for a drawing's Pivot.
export function pivot({ rowTitles, head, rows }, caption) {
  const lines = head.map((heads, depth) => el("tr", {},
    ...(depth === 0 && rowTitles.length ? rowTitles.map((title) => el("th", { scope: "col", rowSpan: head.length }, title)) : []),
    ...heads.map((h) => element("th", h, { scope: h.span > 1 ? "colgroup" : "col", colSpan: h.span, class: `${depth === head.length - 1 ? "number" : "group"} ${h.total ? "total" : ""}` }))));
  if (lines.length === 0) lines.push(el("tr", {}, ...rowTitles.map((title) => el("th", { scope: "col" }, title))));
  const body = rows.map((row, at) => el("tr", { class: row.total ? "total" : "" },
    ...headers(rows, at), ...row.cells.map((cell) => element("td", cell, { numeric: true }))));
  return el("div", { class: "scroll", tabIndex: 0, role: "region", "aria-label": caption },
    el("table", { class: "pivot" }, el("caption", { class: "hidden" }, caption), el("thead", {}, ...lines), el("tbody", {}, ...body)));
}

// headers are those of a row. Those that it has in common with the row above are not
// seen again.
function headers(rows, at) {
  const { headers: cells, total } = rows[at], above = rows[at - 1];
  const again = (i) => !total && above && i < cells.length - 1
    && cells.slice(0, i + 1).every((cell, j) => cell.value === above.headers[j].value);
  return cells.map((cell, i) => element("th", cell, { scope: "row", class: again(i) ? "again" : "" }));
}

const column = (title, measure = false) => ({ title, measure });
const said = (text) => ({ value: text, text });

// partOf is what a drawing draws.
export const partOf = (drawing) => drawing[drawing.kind] ?? drawing.chart ?? drawing.text;

// asTable is a Table with the values of a chart of any kind, or null for a
// drawing that has none.
export function asTable(drawing) {
  const part = partOf(drawing);
  return (part && tabulate[drawing.kind]?.(part)) ?? null;
}

const chart = ({ category, categories, series }) => ({
  columns: [column(category.title || "Category"), ...series.map((s) => column(s.name, true))],
  rows: categories.map((cell, at) => [cell, ...series.map((s) => s.values[at])]),
});

const tabulate = {
  chart, heatmap: chart,
  pie: (pie) => {
    const { columns, rows } = chart(pie);
    const total = rows.reduce((sum, [, size]) => sum + Math.max(0, number(size) ?? 0), 0);
    const part = (size) => (number(size) === null || total === 0 ? { value: null, text: "–" } : said(share(number(size) / total)));
    return { columns: [...columns, column("Share", true)], rows: rows.map(([name, size]) => [name, size, part(size)]) };
  },
  kpi: ({ label, value, comparison, sparkline }) => (!sparkline ? null : {
    columns: [column("Name"), column("Value", true)],
    rows: [[said(label || "Value"), value], ...(comparison ? [[said(comparison.label), comparison.value]] : []),
      ...sparkline.categories.map((name, at) => [name, sparkline.values[at]])],
  }),
  map: ({ points, size, name }) => ({
    columns: [...(name ? [column(name)] : []), column("Latitude", true), column("Longitude", true), ...(size ? [column(size, true)] : [])],
    rows: points.map((p) => [
      ...(name ? [said(p.name)] : []), said(p.latitude.toFixed(5)), said(p.longitude.toFixed(5)), ...(size ? [p.size] : []),
    ]),
  }),
};
