// The charts without axes of values, as ECharts options: pies, heat maps and a KPI's
// trend. Texts go where charts.js says.

import { base, categoryAxis, grid, tip, truncated, valueAxis } from "./axes.js";
import { colorOf, hatch, onto, palette, widest } from "./palette.js";
import { number, share } from "./format.js";

// slicesOf are the slices of a pie.
export const slicesOf = ({ categories, series, colors }) => categories.map(({ text: name }, i) => (
  { name, value: series[0].values[i], color: colorOf(colors?.[i], i), i }));

// pieOption is the option of a pie; slices that are no positive number are in its
// legend and its table only, and a pie without any other is hatched.
export function pieOption(pie, { width, height }) {
  const colors = palette();
  const slices = slicesOf(pie).filter((s) => (number(s.value) ?? 0) > 0);
  const total = slices.reduce((sum, s) => sum + number(s.value), 0);
  const part = (s) => share(number(s.value) / total);
  const written = (s) => `${s.name}\n${s.value.text} (${part(s)})`;
  const beside = widest(slices.flatMap((s) => written(s).split("\n")), 12) + 42;
  const outside = pie.labels && height > 170 && width / 2 - beside > 45;
  const radius = Math.max(30, Math.min(height * (outside ? 0.38 : 0.46), outside ? width / 2 - beside : width * 0.46));
  return {
    ...base(),
    tooltip: { ...base().tooltip, trigger: "item", formatter: ({ dataIndex }) => {
      const s = slices[dataIndex];
      return tip(s.name, [{ color: s.color, name: pie.series[0].name, value: `${s.value.text} (${part(s)})` }]);
    } },
    series: [{
      id: "pie", type: "pie", radius: pie.donut ? [radius * 0.52, radius] : [0, radius], startAngle: 90, minShowLabelAngle: 5,
      itemStyle: { borderColor: colors.card, borderWidth: 2, borderRadius: 3 }, avoidLabelOverlap: true, emptyCircleStyle: { color: hatch(), borderColor: colors.hatch, borderWidth: 1, borderType: [2, 2] },
      label: {
        show: pie.labels, position: outside ? "outside" : "inside", color: colors.ink, fontSize: outside ? 12 : 11, lineHeight: 16,
        formatter: ({ dataIndex: at }) => (outside ? written(slices[at]) : number(slices[at].value) > total * 0.07 ? part(slices[at]) : ""),
      },
      labelLine: { show: outside, length: 10, length2: 8, lineStyle: { color: colors.axis } },
      data: slices.map(({ i, value, color }) => (
        { name: String(i), value: number(value), itemStyle: { color }, ...(!outside && { label: { color: onto(color) } }) })),
    }],
  };
}

// cellsOf are the cells of a heat map that rows are about: the values of its series.
export const cellsOf = ({ series }) => series.flatMap(({ values }, row) => values.map((cell, column) => ({ ...cell, column, row })))
  .filter(({ value }) => value !== "");

// heatmapOption is the option of a heat map. A cell without a value is hatched.
export function heatmapOption(heatmap, { width, height }) {
  const colors = palette();
  const { categories: columns, category, axes } = heatmap;
  const cells = cellsOf(heatmap), rows = heatmap.series.map(({ name }) => ({ text: name }));
  const known = cells.filter((cell) => number(cell) !== null).sort((a, b) => number(a) - number(b));
  const [low, high] = [known[0], known.at(-1)];
  const plain = (room) => (
    { axisTick: { show: false }, axisLine: { show: false }, axisLabel: { color: colors.muted, fontSize: 11.5, ...truncated(room) } });
  // A label that is cut off says something of a name, and nothing of an instant: of those some are left out.
  const whole = /^\d{4}-\d\d-\d\dT/.test(columns[0]?.value) ? widest([columns[0].text]) + 2 : 40;
  const column = Math.max(whole, (width - 60) / Math.max(1, Math.min(columns.length, 12)) - 4);
  const named = `${heatmap.value}  ${low?.text}`;
  return {
    ...base(), grid: grid({ right: 6, top: heatmap.legend ? 30 : 8 }),
    xAxis: categoryAxis(category, columns, width - 60, plain(column)),
    yAxis: categoryAxis(axes?.[0] ?? {}, rows, height - 40, { ...plain(Math.min(150, width * 0.3)), inverse: true }),
    visualMap: {
      type: "continuous", show: Boolean(heatmap.legend && low), min: number(low) ?? 0, max: number(high) ?? 0,
      inRange: { color: colors.scale }, orient: "horizontal", right: 0, top: 2, padding: 2, itemWidth: 9, itemHeight: 110,
      text: [high?.text, widest([named], 12) + 180 < width ? named : low?.text], textStyle: { color: colors.muted, fontSize: 12 },
    },
    tooltip: { ...base().tooltip, trigger: "item", formatter: ({ dataIndex, color }) => {
      const cell = cells[dataIndex];
      const mark = number(cell) === null ? null : color;
      return tip(`${columns[cell.column].text} · ${rows[cell.row].text}`, [{ color: mark, name: heatmap.value, value: cell.text }]);
    } },
    series: [{
      id: "heat", type: "heatmap",
      itemStyle: { borderColor: colors.card, borderWidth: width > 6 * columns.length && height > 9 * rows.length ? 1 : 0 },
      emphasis: { itemStyle: { borderColor: colors.ink, borderWidth: 1.5 } },
      data: cells.map((cell) => ({
        value: [cell.column, cell.row, number(cell) ?? 0],
        ...(number(cell) === null && { visualMap: false, itemStyle: { color: hatch() } }),
      })),
    }],
  };
}

// sparkline is a KPI's trend: no axes, the last value marked.
export function sparkline({ type, categories, values }) {
  const color = colorOf(null, 0);
  const last = values.findLastIndex((value) => number(value) !== null);
  return {
    ...base(), grid: { left: 4, right: 6, top: 6, bottom: 4 },
    xAxis: { type: "category", show: false, boundaryGap: false, data: categories.map((_, at) => String(at)) },
    yAxis: { type: "value", show: false, scale: true },
    tooltip: { ...base().tooltip, trigger: "axis", axisPointer: { type: "line", lineStyle: { color: palette().axis } },
      formatter: ([item]) => tip(categories[item.dataIndex].text, [{ name: "", value: values[item.dataIndex].text }]) },
    series: [{
      id: "trend", type: "line", lineStyle: { width: 2, color }, itemStyle: { color }, areaStyle: type === "area" ? { color, opacity: 0.14 } : undefined,
      data: values.map((value, at) => ({ value: number(value), symbol: at === last ? "circle" : "none", symbolSize: 6 })), showAllSymbol: true,
    }],
  };
}
