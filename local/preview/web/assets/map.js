// A map of points, as an ECharts option: on axes of the Web Mercator projection, whose
// values are degrees along the equator, at the same scale in both directions.

import { base, tip } from "./axes.js";
import { colorOf, font, hatch, palette } from "./palette.js";
import { el } from "./dom.js";
import { number } from "./format.js";

const radians = Math.PI / 180;
const metresPerDegree = 6378137 * radians; // along the equator of WGS 84
const room = { left: 66, right: 12, top: 10, bottom: 26 }; // pixels around the map
const named = 60; // as many of the largest points have their names beside them, where there is room

const northing = (latitude) => Math.log(Math.tan(Math.PI / 4 + (Math.max(-85, Math.min(85, latitude)) * radians) / 2)) / radians;
const latitudeOf = (y) => (2 * Math.atan(Math.exp(y * radians)) - Math.PI / 2) / radians;

// mapOption is the option of a Map that shows all its points.
export function mapOption(map, { width, height }) {
  const colors = palette();
  const points = map.points.map((point) => ({ ...point, place: [point.longitude, northing(point.latitude)] }))
    .sort((a, b) => (number(b.size) ?? -1) - (number(a.size) ?? -1));
  const bounds = [0, 1].map((i) => points.map(({ place }) => place[i])).map((all) => [Math.min(...all), Math.max(...all)]);
  const pixels = [width - room.left - room.right, height - room.top - room.bottom];
  // How many degrees a pixel is.
  const scale = Math.max(...bounds.map(([least, most], i) => (most - least) / Math.max(40, pixels[i] - 90)), 0.01 / width);
  const metres = metresPerDegree * Math.cos(latitudeOf((bounds[1][0] + bounds[1][1]) / 2) * radians); // a degree
  const largest = Math.max(0, ...points.map((point) => number(point.size) ?? 0));
  const color = colorOf(null, 0);
  const digits = Math.max(0, Math.ceil(-Math.log10(scale * 60)));
  const degrees = (value, positive, negative) => `${Math.abs(value).toFixed(digits)}° ${value < 0 ? negative : positive}`;
  const axis = (written) => ({
    type: "value", min: -180, max: 180, splitNumber: 4, axisLine: { show: false }, axisTick: { show: false },
    axisLabel: { color: colors.muted, fontSize: 10.5, hideOverlap: true, showMinLabel: false, showMaxLabel: false, formatter: written },
    splitLine: { lineStyle: { color: colors.axis, type: "dashed" } },
  });
  return {
    ...base(), grid: { ...room, show: true, backgroundColor: colors.land, borderColor: colors.line },
    xAxis: axis((x) => degrees(x, "E", "W")), yAxis: axis((y) => degrees(latitudeOf(y), "N", "S")),
    // The wheel scrolls the page; with Ctrl it zooms.
    dataZoom: ["xAxisIndex", "yAxisIndex"].map((axis, i) => {
      const [middle, half] = [(bounds[i][0] + bounds[i][1]) / 2, (pixels[i] / 2) * scale];
      const seen = { startValue: middle - half, endValue: middle + half };
      return { id: axis, [axis]: 0, type: "inside", filterMode: "none", zoomOnMouseWheel: "ctrl", ...seen };
    }),
    tooltip: { ...base().tooltip, trigger: "item", formatter: ({ dataIndex }) => {
      const { name, size, latitude, longitude } = points[dataIndex];
      return tip(name || `${latitude.toFixed(4)}°, ${longitude.toFixed(4)}°`, map.size ? [{ name: map.size, value: size.text }] : []);
    } },
    series: [{
      id: "points", type: "scatter", clip: true, labelLayout: { hideOverlap: true },
      label: {
        color: colors.ink, fontSize: 11.5, textBorderColor: colors.land, textBorderWidth: 3,
        formatter: ({ dataIndex }) => points[dataIndex].name,
      },
      emphasis: { itemStyle: { opacity: 1, borderColor: colors.ink } },
      data: points.map((point, i) => ({
        value: point.place, symbolSize: 2 * radius(point, map, largest, Math.min(width, height)),
        label: { show: i < named, position: point.longitude > (bounds[0][0] + 3 * bounds[0][1]) / 4 ? "left" : "right" },
        itemStyle: map.size && number(point.size) === null
          ? { color: hatch(), borderColor: colors.hatch, borderType: [2, 2], borderWidth: 1 }
          : { color, opacity: 0.72, borderColor: colors.card, borderWidth: 1.2 },
      })),
    }, {
      id: "scale", type: "custom", silent: true, tooltip: { show: false }, clip: false, data: [[0, 0]],
      renderItem: ({ coordSys }, api) => scaleBar(coordSys, metres / api.size([1, 1])[0]),
    }],
  };
}

// radius is that of a circle whose area is in proportion to the size.
function radius(point, map, largest, room) {
  const size = number(point.size);
  if (!map.size || size === null || largest <= 0) return 5;
  return Math.max(2, Math.max(9, Math.min(28, room / 13)) * Math.sqrt(Math.max(0, size) / largest));
}

// scaleBar is a bar of a round length in metres, of which a pixel has so many.
function scaleBar({ x: left, y: top, height }, metres) {
  const colors = palette();
  const power = 10 ** Math.floor(Math.log10(110 * metres));
  const length = [5, 2, 1].find((n) => n * power <= 110 * metres) * power;
  const [x, y, width] = [left + 10, top + height - 8, length / metres];
  const ends = [[x, y - 5], [x, y], [x + width, y], [x + width, y - 5]];
  const text = length >= 1000 ? `${(length / 1000).toLocaleString("en-US")} km` : `${length} m`;
  return { type: "group", children: [
    { type: "polyline", shape: { points: ends }, style: { stroke: colors.ink, fill: "none", lineWidth: 1.4 } },
    { type: "text", style: { text, x: x + 5, y: y - 15, font: `11px ${font()}`, fill: colors.ink, stroke: colors.land, lineWidth: 3 } },
  ] };
}

// zoomButtons zoom a map, and have all be shown again.
export function zoomButtons(chart, all) {
  const zoomed = (factor) => ({ id, startValue, endValue }) => {
    const [middle, half] = [(startValue + endValue) / 2, ((endValue - startValue) / 2) * factor];
    return { dataZoomId: id, startValue: middle - half, endValue: middle + half };
  };
  const zoom = (factor) => () => chart.dispatchAction({ type: "dataZoom", batch: chart.getOption().dataZoom.map(zoomed(factor)) });
  const button = (label, text, onclick) => el("button", { type: "button", "aria-label": label, onclick }, text);
  return el("div", { class: "zoom" },
    button("Zoom in", "+", zoom(1 / 1.6)), button("Zoom out", "−", zoom(1.6)), button("Show all points", "◎", all));
}
