// Tables: those that a definition asks for, and every chart's values as one.

import { el } from "./dom.js";
import { number, text } from "./format.js";

const chunk = 1000; // rows put in at once; scrolling to the end puts in more

function cell(name, value, format, { numeric, ...attributes } = {}) {
  const missing = value === null || value === undefined;
  return el(name, { ...attributes, class: [attributes.class, numeric && "number", missing && "null"].filter(Boolean).join(" ") }, text(value, format));
}

// table is an element for a drawing's Table.
export function table(data, caption) {
  const { columns, rows, total, totalLabel, totalTop } = data;
  const line = (values, label) => el("tr", { class: label === undefined ? "" : "total" }, ...columns.map((column, i) =>
    (label !== undefined && i === 0 && values[0] === ""
      ? el("th", { scope: "row" }, label || "Total")
      : cell("td", values[i], column.format, { numeric: column.measure }))));
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
export function pivot({ rowTitles, rowFormat, head, rows, formats }, caption) {
  const lines = head.map((heads, depth) => el("tr", {},
    ...(depth === 0 && rowTitles.length ? rowTitles.map((title) => el("th", { scope: "col", rowSpan: head.length }, title)) : []),
    ...heads.map((h) => cell("th", h.value, h.format, { scope: h.span > 1 ? "colgroup" : "col", colSpan: h.span, class: `${depth === head.length - 1 ? "number" : "group"} ${h.total ? "total" : ""}` }))));
  if (lines.length === 0) lines.push(el("tr", {}, ...rowTitles.map((title) => el("th", { scope: "col" }, title))));
  const body = rows.map((row, at) => el("tr", { class: row.total ? `total level${row.total}` : "" },
    ...headers(rows, at, rowFormat), ...row.cells.map((value, i) => cell("td", value, formats[i], { numeric: true }))));
  return el("div", { class: "scroll", tabIndex: 0, role: "region", "aria-label": caption },
    el("table", { class: "pivot" }, el("caption", { class: "hidden" }, caption), el("thead", {}, ...lines), el("tbody", {}, ...body)));
}

// headers are those of a row that do not go on from the row above: equal ones
// below each other are one cell.
function headers(rows, at, formats) {
  const { headers: values, total } = rows[at];
  if (total) {
    const label = Math.max(0, values.findLastIndex((value) => value !== null));
    return values.slice(0, label + 1).flatMap((value, i) => (continues(rows, at, i) ? [] : [
      cell("th", value, formats[i], { scope: "row", rowSpan: i < label ? span(rows, at, i) : 1, colSpan: i === label ? values.length - label : 1 })]));
  }
  return values.flatMap((value, i) => (continues(rows, at, i) ? [] : [cell("th", value, formats[i], { scope: "row", rowSpan: span(rows, at, i) })]));
}

// continues tells whether a row's header is part of the cell above. A subtotal
// belongs to the headers before its label.
function continues(rows, at, depth) {
  const above = rows[at - 1], row = rows[at];
  if (!above || depth >= own(row) || depth >= own(above)) return false;
  return row.headers.slice(0, depth + 1).every((value, i) => value === above.headers[i]);
}

// own is how many leading headers of a row may join the row above or below.
function own(row) {
  if (row.total) return Math.max(0, row.headers.findLastIndex((value) => value !== null));
  return row.headers.length - 1;
}

function span(rows, at, depth) {
  let end = at + 1;
  while (end < rows.length && continues(rows, end, depth)) end++;
  return end - at;
}

const plain = { type: "" }; // texts and instants as they are
const counts = { type: "number", decimals: -1, grouping: true };
const column = (title, format = plain, measure = false) => ({ title, format, measure });

// asTable is a Table with the values of a chart of any kind, or null for a
// drawing that has none.
export function asTable(drawing) {
  const part = drawing[drawing.kind];
  return (part && tabulate[drawing.kind]?.(part)) ?? null;
}

const tabulate = {
  chart: ({ category, categories, series, axes }) => ({
    columns: [column(category.title || "Category", category.format), ...series.map((s) => column(text(s.name), (axes?.[s.axis] ?? axes?.[0])?.format, true))],
    rows: categories.map((value, at) => [value, ...series.map((s) => s.values[at])]),
  }),
  pie: ({ name, value, format, slices }) => {
    const total = slices.reduce((sum, s) => sum + Math.max(0, number(s.value) ?? 0), 0);
    return {
      columns: [column(name || "Name"), column(value || "Value", format, true), column("Share", { type: "percent", decimals: 1 }, true)],
      rows: slices.map((s) => [s.name, s.value, number(s.value) === null || total === 0 ? null : number(s.value) / total]),
    };
  },
  kpi: ({ label, value, format, comparison, sparkline }) => (!sparkline ? null : {
    columns: [column("Name"), column("Value", format, true)],
    rows: [[label || "Value", value], ...(comparison ? [[comparison.label, comparison.value]] : []),
      ...sparkline.categories.map((name, at) => [text(name, sparkline.format), sparkline.values[at]])],
  }),
  heatmap: ({ columns, rows, columnAxis, rowAxis, cells, format, value }) => ({
    columns: [column(rowAxis.title || "Row", rowAxis.format), column(columnAxis.title || "Column", columnAxis.format), column(value || "Value", format, true)],
    rows: cells.map(([x, y, cellValue]) => [rows[y], columns[x], cellValue]),
  }),
  histogram: ({ bins, x, name }) => ({
    columns: [column("From", x.format, true), column("To", x.format, true), column(name || "Count", counts, true)],
    rows: bins.map(({ from, to, count }) => [from, to, count]),
  }),
  map: ({ points, size, sizeFormat, color }) => ({
    columns: [...(points[0]?.labels ?? []).map((label) => column(label.name, label.format)), ...(color ? [column(color)] : []),
      column("Latitude", { type: "number", decimals: 5 }, true), column("Longitude", { type: "number", decimals: 5 }, true), ...(size ? [column(size, sizeFormat, true)] : [])],
    rows: points.map((p) => [...(p.labels ?? []).map((label) => label.value), ...(color ? [p.color] : []), p.latitude, p.longitude, ...(size ? [p.size] : [])]),
  }),
};
