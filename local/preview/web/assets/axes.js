// What every chart has in common: its tooltips, its axes and its room.

import { font, palette } from "./palette.js";
import { el } from "./dom.js";
import { tick } from "./format.js";

// tip is a tooltip: a title over lines of a colour, a name and a value.
export function tip(title, lines) {
  const shown = lines.slice(0, 16);
  return el("div", { class: "tip" },
    el("strong", {}, title),
    ...shown.map(({ color, name, value }) => el("div", {},
      color && el("i", { style: `background:${color}` }), el("span", {}, name), el("b", {}, value))),
    lines.length > shown.length && el("em", {}, `and ${lines.length - shown.length} more`));
}

// base is what all charts have in common.
export function base() {
  const colors = palette();
  return {
    useUTC: true,
    textStyle: { fontFamily: font(), color: colors.ink },
    tooltip: {
      confine: true, transitionDuration: 0, borderWidth: 1, borderColor: colors.axis, padding: [8, 11],
      backgroundColor: colors.tip, textStyle: { color: colors.ink, fontSize: 12.5 },
      extraCssText: "box-shadow:0 4px 16px rgb(0 0 0/.16);max-width:320px;white-space:normal",
    },
  };
}

// grid is the room of a chart with its axes' labels and titles inside.
export const grid = (more) => ({ left: 6, right: 12, top: 14, bottom: 4, outerBoundsMode: "same", outerBoundsContain: "all", ...more });
// truncated are labels of so many pixels.
export const truncated = (width) => ({ width, overflow: "truncate", ellipsis: "…", hideOverlap: true });

// valueAxis is an axis of numbers, size pixels long.
export function valueAxis({ title, ticks, hidden }, size, more = {}) {
  const colors = palette();
  return {
    type: "value", show: !hidden,
    name: title && size > 190 ? title : "", nameLocation: "middle", nameGap: 8,
    nameTextStyle: { color: colors.muted, fontSize: 11.5, ...truncated(size - 30) },
    splitNumber: size > 260 ? 5 : 3, axisLine: { show: false }, axisTick: { show: false },
    axisLabel: { color: colors.muted, fontSize: 11.5, hideOverlap: true, formatter: (value) => tick(value, ticks) },
    splitLine: { lineStyle: { color: colors.line } }, ...more,
  };
}

// categoryAxis is an axis with a place for each cell.
export function categoryAxis({ title, hidden }, cells, room, more = {}) {
  const colors = palette();
  return {
    ...valueAxis({ title, hidden }, room),
    type: "category", data: cells.map((cell) => cell.text),
    axisLine: { lineStyle: { color: colors.axis } }, splitLine: { show: false },
    ...more,
  };
}

// timeAxis is an axis of instants in UTC, whose distances mean something. It has
// no more ticks than its shortest distance has room for: one of days has no hours.
export function timeAxis(axis, instants, room) {
  const colors = palette();
  const { axisLabel, ...rest } = valueAxis(axis, room);
  const times = [...new Set(instants.map((instant) => Date.parse(instant.value)))].filter(Number.isFinite).sort((a, b) => a - b);
  const steps = (times.at(-1) - times[0]) / Math.min(...times.slice(1).map((time, i) => time - times[i])) || 1;
  return {
    ...rest, type: "time", axisLine: { lineStyle: { color: colors.axis } }, splitLine: { show: false },
    axisTick: { show: true, lineStyle: { color: colors.axis } }, splitNumber: Math.max(1, Math.floor(Math.min(room / 90, steps))),
    axisLabel: { ...axisLabel, formatter: {
      year: "{yyyy}", month: "{MMM} {yyyy}", day: "{MMM} {d}", hour: "{MMM} {d}, {HH}:{mm}", minute: "{MMM} {d}, {HH}:{mm}",
      second: "{HH}:{mm}:{ss}", millisecond: "{HH}:{mm}:{ss}",
    } },
  };
}
