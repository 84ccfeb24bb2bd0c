// Bars, lines and areas over categories, as ECharts options. Names never go into a
// template of ECharts: its own names are indices, and tooltips are elements, so
// that no text of a definition or of the data is read as markup.

import { base, categoryAxis, grid, timeAxis, tip, truncated, valueAxis } from "./axes.js";
import { colorOf, hatch, onto, palette, widest } from "./palette.js";
import { number, share } from "./format.js";

const least = { horizontal: 15, vertical: 9 }; // pixels a category keeps before the chart scrolls
const barRoom = { barMaxWidth: 56, barGap: "8%", barCategoryGap: "26%" };

// chartOption is the ECharts option of a drawing's Chart. size is the room in
// pixels.
export function chartOption(given, size) {
  const chart = {
    ...given, axes: given.axes?.length ? given.axes : [{ title: "" }],
    time: given.time && given.categories.length > 1, // a single instant has no distances
  };
  const view = viewOf(chart, size);
  const { horizontal } = chart;
  const shown = chart.series.map((s, i) => (s.type === "bar" ? bar(view, s, i) : line(view, s, i)));
  if (view.bars.length > 0) shown.push(...nullMarks(view));
  const values = chart.axes.map((axis, i) => measureAxis(view, axis, i));
  const along = chart.time ? timeAxis(chart.category, chart.categories, view.room) : placesAxis(view);
  return {
    ...base(),
    grid: grid(view.scrolls && (horizontal ? { right: 30 } : { bottom: 26 })),
    xAxis: horizontal ? values : along, yAxis: horizontal ? along : values,
    dataZoom: view.scrolls ? scrollbar(horizontal, view.fit) : [],
    tooltip: {
      ...base().tooltip, trigger: "axis", formatter: (items) => tipAt(view, items[0]?.dataIndex ?? 0),
      axisPointer: { type: view.bars.length ? "shadow" : "line", lineStyle: { color: palette().axis }, shadowStyle: { color: "rgb(127 140 155/.13)" } },
    },
    series: shown,
  };
}

// viewOf is what the parts of an option need to know about a chart.
function viewOf(chart, { width, height }) {
  const { horizontal, categories, series } = chart;
  const bars = series.map((s, i) => ({ ...s, i })).filter((s) => s.type === "bar");
  const room = horizontal ? height - 40 : width - 60;
  const pixels = horizontal ? least.horizontal : least.vertical * (chart.stack ? 1 : Math.max(1, Math.min(bars.length, 4)));
  const fit = Math.max(2, Math.floor(room / pixels));
  return {
    chart, width, height, bars, room, fit,
    parts: chart.stack === "percent" ? shares(series) : null,
    scrolls: !chart.time && bars.length > 0 && categories.length > fit,
    place: (at, value) => {
      const along = chart.time ? Date.parse(categories[at].value) : at;
      return horizontal ? [value, along] : [along, value];
    },
  };
}

// shares are a stack's values as parts of its category's sum, for each series.
function shares(series) {
  const stacked = (s) => s.type !== "line";
  const sums = (series[0]?.values ?? []).map((_, at) =>
    series.filter(stacked).reduce((sum, s) => sum + Math.abs(number(s.values[at]) ?? 0), 0));
  return series.map((s) => s.values.map((value, at) => (number(value) === null || !sums[at] || s.type === "line" ? null : { value: number(value) / sums[at] })));
}

// numbersOf are what a series draws.
const numbersOf = ({ parts }, s, i) => (parts && s.type !== "line" ? parts[i] : s.values).map(number);

function common({ chart, parts }, s, i) {
  const color = colorOf(s.color, i);
  return {
    id: String(i), name: String(i), itemStyle: { color },
    [chart.horizontal ? "xAxisIndex" : "yAxisIndex"]: chart.axes[s.axis] ? s.axis : 0,
    stack: chart.stack && s.type !== "line" ? `${s.type}${s.axis}` : undefined,
    label: {
      show: Boolean(chart.labels), color: palette().ink, fontSize: 11.5, position: "top",
      formatter: ({ dataIndex: at }) => {
        if (number(s.values[at]) === null) return "";
        return parts?.[i][at] ? share(parts[i][at].value) : s.values[at].text;
      },
    },
    labelLayout: { hideOverlap: true },
    emphasis: { focus: chart.series.length > 1 ? "series" : "none" },
    blur: { itemStyle: { opacity: 0.35 }, lineStyle: { opacity: 0.35 } },
  };
}

function bar(view, s, i) {
  const { stack, horizontal } = view.chart;
  const all = common(view, s, i);
  const { color } = all.itemStyle;
  return {
    ...all, ...barRoom, type: "bar", data: numbersOf(view, s, i).map((value, at) => view.place(at, value)),
    itemStyle: { color, borderRadius: stack ? 0 : horizontal ? [0, 3, 3, 0] : [3, 3, 0, 0] },
    label: { ...all.label, ...(stack ? { position: "inside", color: onto(color) } : { position: horizontal ? "right" : "top" }) },
    labelLayout: stack ? inside(horizontal) : all.labelLayout,
  };
}

function line(view, s, i) {
  const values = numbersOf(view, s, i);
  const alone = (at) => (values[at - 1] ?? null) === null && (values[at + 1] ?? null) === null;
  const dots = values.length <= 40;
  return {
    ...common(view, s, i), type: "line", lineStyle: { width: 2 }, symbol: "circle", symbolSize: 5, showSymbol: true, connectNulls: false, z: 3,
    areaStyle: s.type === "area" ? { opacity: view.chart.stack ? 0.75 : 0.16 } : undefined,
    data: values.map((value, at) => ({ value: view.place(at, value), symbol: dots || alone(at) ? "circle" : "none" })),
  };
}

// measureAxis is the axis of the values, left or below, and a second one across.
function measureAxis({ chart, parts, width, height }, axis, i) {
  const { horizontal } = chart;
  return valueAxis(parts ? { ...axis, ticks: { percent: true } } : axis, horizontal ? width : height, {
    position: horizontal ? ["bottom", "top"][i] : ["left", "right"][i], alignTicks: i > 0,
    splitLine: { show: i === 0, lineStyle: { color: palette().line } },
    ...(parts && { min: 0, max: 1, interval: (horizontal ? width : height) > 200 ? 0.2 : 0.5 }),
    ...(horizontal && chart.labels && !chart.stack && { boundaryGap: [0, "14%"] }), // for the label of the longest
  });
}

function placesAxis({ chart, width, height, room, fit }) {
  const { category, categories, horizontal } = chart;
  if (horizontal) {
    return categoryAxis(category, categories, room, { inverse: true, axisLabel: { color: palette().ink, fontSize: 11.5, ...truncated(Math.min(180, width * 0.34)) } });
  }
  const labels = categories.map((cell) => cell.text);
  return categoryAxis(category, categories, room, { axisLabel: below(labels, room / Math.max(1, Math.min(fit, labels.length)), height) });
}

function tipAt({ chart, parts }, at) {
  return tip(chart.categories[at].text, chart.series.map((s, i) => ({
    color: colorOf(s.color, i), name: s.name,
    value: s.values[at].text + (parts?.[i][at] ? ` (${share(parts[i][at].value)})` : ""),
  })));
}

// below are the labels under columns that have room pixels each: as they are,
// cut off, or slanting where that leaves too little of them.
function below(labels, room, height) {
  const label = { color: palette().muted, fontSize: 11.5 };
  const width = widest(labels);
  if (width <= room - 9) return { ...label, interval: 0 };
  if (room >= 64) return { ...label, ...truncated(room - 6), interval: 0, hideOverlap: false };
  return { ...label, ...truncated(Math.min(width + 2, Math.max(64, height * 0.3), 110)), rotate: 40, interval: room >= 15 ? 0 : "auto" };
}

// inside moves the labels that their bar is too small for out of the picture.
const inside = (horizontal) => ({ rect, labelRect }) =>
  (rect.width < labelRect.width * (horizontal ? 1 : 0.8) || rect.height < labelRect.height * (horizontal ? 0.8 : 1) ? { x: -999, y: -999 } : { hideOverlap: true });

function scrollbar(horizontal, fit) {
  const colors = palette();
  return [{
    id: "scroll", type: "slider", startValue: 0, endValue: fit - 1, brushSelect: false, showDetail: false, showDataShadow: false, handleSize: 0,
    ...(horizontal ? { yAxisIndex: 0, width: 8, right: 4, top: 14, bottom: 24 } : { xAxisIndex: 0, height: 8, bottom: 6 }),
    borderColor: "transparent", backgroundColor: colors.line, fillerColor: colors.axis, borderRadius: 4, moveHandleSize: 0, zoomLock: true,
  }];
}

// nullMarks are short hatched bars where a bar has no value: it is not zero. In a
// stack the mark stands behind what there is, in shares within it. What is hidden is
// less than what is shown, so no mark is longer than the shortest bar.
function nullMarks(view) {
  const { chart, bars, place } = view;
  const gaps = bars.flatMap((s, slot) => (!s.marked ? [] : s.values.flatMap((cell, at) => {
    if (cell.value !== null) return [];
    const sum = chart.stack ? bars.reduce((all, other) => all + Math.max(0, number(other.values[at]) ?? 0), 0) : 0;
    return [{ value: place(at, chart.stack === "percent" ? Number(sum > 0) : sum), slot, axis: s.axis }];
  })));
  const fill = hatch();
  const along = chart.horizontal ? 0 : 1;
  return [...new Set(gaps.map(({ axis }) => axis))].map((axis) => {
    const marks = gaps.filter((gap) => gap.axis === axis);
    const least = Math.min(...bars.filter((s) => s.axis === axis).flatMap((s) => numbersOf(view, s, s.i)).filter((value) => value > 0));
    return {
      id: `nulls${axis}`, type: "custom", silent: true, tooltip: { show: false }, z: 4, clip: chart.stack !== "percent", data: marks.map(({ value }) => value),
      [chart.horizontal ? "xAxisIndex" : "yAxisIndex"]: chart.axes[axis] ? axis : 0,
      renderItem: ({ dataIndex }, api) => {
        const { value } = marks[dataIndex];
        const [x, y] = api.coord(value);
        const shortest = Math.abs(api.coord(place(0, least))[along] - api.coord(place(0, 0))[along]);
        const long = Number.isFinite(shortest) ? Math.max(2, Math.min(14, shortest)) : 14;
        const back = chart.stack === "percent" && value[along] > 0 ? long : 0;
        const { offset, width } = chart.time ? { offset: -4, width: 8 } : api.barLayout({ ...barRoom, count: chart.stack ? 1 : bars.length })[chart.stack ? 0 : marks[dataIndex].slot];
        const shape = chart.horizontal ? { x: x - back, y: y + offset, width: long, height: width } : { x: x + offset, y: y - long + back, width, height: long };
        return { type: "rect", shape, style: { fill, stroke: palette().hatch, lineWidth: 1, lineDash: [2, 2] } };
      },
    };
  });
}
