// Tables: those that a definition asks for, and every chart's values as one.

import { el } from "./dom.js";
import { number, share } from "./format.js";

const chunk = 1000; // rows put in at once; scrolling to the end puts in more

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
  const body = el("tbody");
  const head = el("thead", {}, el("tr", {}, ...columns.map((column) => el("th", {
    scope: "col", class: column.measure ? "number" : "", style: column.width > 0 ? `min-width:${column.width}px` : "",
  }, column.title))), ...(totalTop ? totals : []));
  const box = el("div", { class: "scroll", tabIndex: 0, role: "region", "aria-label": caption },
    el("table", {}, el("caption", { class: "hidden" }, caption), head, body, total && !totalTop && el("tfoot", {}, ...totals)));
  const more = () => body.append(...rows.slice(body.rows.length, body.rows.length + chunk).map((values) => line(values)));
  more();
  box.addEventListener("scroll", () => { if (body.rows.length < rows.length && box.scrollTop + box.clientHeight > box.scrollHeight - 600) more(); });
  return box;
}

// pivot is an element for a drawing's Pivot.
export function pivot({ rowTitles, head, rows }, caption) {
  const lines = head.map((heads, depth) => el("tr", {},
    ...(depth === 0 && rowTitles.length ? rowTitles.map((title) => el("th", { scope: "col", rowSpan: head.length }, title)) : []),
    ...heads.map((h) => element("th", h, { scope: h.span > 1 ? "colgroup" : "col", colSpan: h.span, class: `${depth === head.length - 1 ? "number" : "group"} ${h.total ? "total" : ""}` }))));
  if (lines.length === 0) lines.push(el("tr", {}, ...rowTitles.map((title) => el("th", { scope: "col" }, title))));
  const body = rows.map((row, at) => el("tr", { class: row.total ? `total level${row.total}` : "" },
    ...headers(rows, at), ...row.cells.map((cell) => element("td", cell, { numeric: true }))));
  return el("div", { class: "scroll", tabIndex: 0, role: "region", "aria-label": caption },
    el("table", { class: "pivot" }, el("caption", { class: "hidden" }, caption), el("thead", {}, ...lines), el("tbody", {}, ...body)));
}

// headers are those of a row that do not go on from the row above: equal ones
// below each other are one cell.
function headers(rows, at) {
  const { headers: cells, total } = rows[at];
  const last = total ? own(rows[at]) : cells.length - 1;
  return cells.slice(0, last + 1).flatMap((cell, i) => (continues(rows, at, i) ? [] : [
    element("th", cell, { scope: "row", rowSpan: total && i === last ? 1 : span(rows, at, i), colSpan: i === last ? cells.length - last : 1 })]));
}

// continues says whether a row's header is part of the cell above. A subtotal
// belongs to the headers before its label.
function continues(rows, at, depth) {
  const above = rows[at - 1], row = rows[at];
  if (!above || depth >= own(row) || depth >= own(above)) return false;
  return row.headers.slice(0, depth + 1).every((cell, i) => cell.value === above.headers[i].value);
}

// own is how many leading headers of a row may join the row above or below.
function own(row) {
  if (row.total) return Math.max(0, row.headers.findLastIndex((cell) => cell.value !== null));
  return row.headers.length - 1;
}

function span(rows, at, depth) {
  let end = at + 1;
  while (end < rows.length && continues(rows, end, depth)) end++;
  return end - at;
}

const column = (title, measure = false) => ({ title, measure });
const said = (text) => ({ value: text, text });

// asTable is a Table with the values of a chart of any kind, or null for a
// drawing that has none.
export function asTable(drawing) {
  const part = drawing[drawing.kind];
  return (part && tabulate[drawing.kind]?.(part)) ?? null;
}

const tabulate = {
  chart: ({ category, categories, series }) => ({
    columns: [column(category.title || "Category"), ...series.map((s) => column(s.name, true))],
    rows: categories.map((cell, at) => [cell, ...series.map((s) => s.values[at])]),
  }),
  pie: ({ name, value, slices }) => {
    const total = slices.reduce((sum, s) => sum + Math.max(0, number(s.value) ?? 0), 0);
    return {
      columns: [column(name || "Name"), column(value || "Value", true), column("Share", true)],
      rows: slices.map((s) => [said(s.name), s.value, number(s.value) === null || total === 0 ? { value: null, text: "–" } : said(share(number(s.value) / total))]),
    };
  },
  kpi: ({ label, value, comparison, sparkline }) => (!sparkline ? null : {
    columns: [column("Name"), column("Value", true)],
    rows: [[said(label || "Value"), value], ...(comparison ? [[said(comparison.label), comparison.value]] : []),
      ...sparkline.categories.map((name, at) => [name, sparkline.values[at]])],
  }),
  heatmap: ({ columns, rows, columnAxis, rowAxis, cells, value }) => ({
    columns: [column(rowAxis.title || "Row"), column(columnAxis.title || "Column"), column(value || "Value", true)],
    rows: cells.map((cell) => [rows[cell.row], columns[cell.column], cell]),
  }),
  histogram: ({ bins, name }) => ({
    columns: [column("From", true), column("To", true), column(name || "Count", true)],
    rows: bins.map(({ from, to, count }) => [from, to, count]),
  }),
  map: ({ points, size, color }) => ({
    columns: [...(points[0]?.labels ?? []).map(({ name }) => column(name)), ...(color ? [column(color)] : []),
      column("Latitude", true), column("Longitude", true), ...(size ? [column(size, true)] : [])],
    rows: points.map((p) => [...(p.labels ?? []).map(({ text }) => said(text)), ...(color ? [said(p.color)] : []),
      said(p.latitude.toFixed(5)), said(p.longitude.toFixed(5)), ...(size ? [p.size] : [])]),
  }),
};
