// Draws points on the earth in the Web Mercator projection, at the same scale in
// both directions: an ECharts custom series whose places this module projects.

import { colorOf, font, hatch, palette, widest } from "./palette.js";
import { number } from "./format.js";
import { base, tip } from "./axes.js";
import { el } from "./dom.js";

const radians = Math.PI / 180;
const metresPerDegree = 6378137 * radians; // along the equator of WGS 84
const axisRoom = 64; // pixels at the left that the latitudes are written in
const plainBelow = 0.8; // degrees a view is wide when the coast, good to some kilometres, is no help any more

// A place is [x, y] in degrees along the equator; y grows to the north.
const project = (longitude, latitude) => {
  const bounded = Math.max(-85, Math.min(85, latitude));
  return [longitude, Math.log(Math.tan(Math.PI / 4 + (bounded * radians) / 2)) / radians];
};
const latitudeOf = (y) => (2 * Math.atan(Math.exp(y * radians)) - Math.PI / 2) / radians;

let land; // a promise of polygons of rings of places, fetched once

function coasts() {
  land ??= fetch("assets/land.json").then((response) => response.json()).then(({ polygons }) => polygons.map((rings) => rings.map((steps) => {
    let [x, y] = [0, 0];
    const places = [];
    for (let i = 0; i < steps.length; i += 2) places.push(project((x += steps[i]) / 100, (y += steps[i + 1]) / 100));
    const xs = places.map((p) => p[0]), ys = places.map((p) => p[1]);
    return { places, hole: isHole(places), west: Math.min(...xs), east: Math.max(...xs), south: Math.min(...ys), north: Math.max(...ys) };
  })));
  return land;
}

// round is the largest of 1, 2 and 5 times a power of ten up to a number.
function round(most) {
  const power = 10 ** Math.floor(Math.log10(most));
  return [5, 2, 1].find((n) => n * power <= most) * power;
}

// Chart is a map in an element: draw it with an ECharts instance of that element.
export class Chart {
  constructor(chart, element) {
    this.chart = chart;
    this.element = element;
    this.moved = false; // by the reader, whose view then stays
    this.view = null; // the middle {x, y}, and how many degrees a pixel is
    coasts().then((polygons) => { this.land = polygons; if (this.map) this.render(); }, () => {});
    this.listen();
  }

  draw(map, { width, height }) {
    this.map = map;
    this.size = { width, height };
    this.points = map.points.map((point) => ({ ...point, place: project(point.longitude, point.latitude) }))
      .sort((a, b) => (number(b.size) ?? -1) - (number(a.size) ?? -1));
    this.most = Math.max(0, ...this.points.map((point) => number(point.size) ?? 0));
    if (!this.moved) this.fit();
    this.render();
  }

  fit() {
    const xs = this.points.map((p) => p.place[0]), ys = this.points.map((p) => p.place[1]);
    const [west, east, south, north] = xs.length ? [Math.min(...xs), Math.max(...xs), Math.min(...ys), Math.max(...ys)] : [-180, 180, -60, 75];
    const { width, height } = this.size;
    const scale = Math.max((east - west) / Math.max(40, width - 90), (north - south) / Math.max(40, height - 90), 0.01 / width);
    this.view = { x: (west + east) / 2, y: (south + north) / 2, scale };
    this.farthest = Math.max(scale, 360 / width);
  }

  // at is a place's pixel.
  at([x, y]) {
    const { view, size } = this;
    return [size.width / 2 + (x - view.x) / view.scale, size.height / 2 - (y - view.y) / view.scale];
  }

  zoom(factor, px = this.size.width / 2, py = this.size.height / 2) {
    const { view, size } = this;
    const scale = Math.min(Math.max(view.scale / factor, 1e-6), this.farthest);
    view.x += (px - size.width / 2) * (view.scale - scale);
    view.y -= (py - size.height / 2) * (view.scale - scale);
    view.scale = scale;
    this.move(0, 0);
  }

  move(dx, dy) {
    this.view.x -= dx * this.view.scale;
    this.view.y = Math.max(-180, Math.min(180, this.view.y + dy * this.view.scale));
    this.moved = true;
    this.render();
  }

  listen() {
    let from = null;
    const { element } = this;
    element.addEventListener("pointerdown", (event) => { if (event.pointerType !== "touch" && event.button === 0) from = [event.clientX, event.clientY]; });
    element.addEventListener("pointermove", (event) => {
      if (!from || !this.view || !(event.buttons & 1)) return;
      this.move(event.clientX - from[0], event.clientY - from[1]);
      from = [event.clientX, event.clientY];
    });
    element.addEventListener("pointerup", () => { from = null; });
    // The wheel scrolls the page until the map has the focus, so that nobody gets stuck on it.
    element.addEventListener("wheel", (event) => {
      if (!this.view || !(event.ctrlKey || event.metaKey || element.contains(document.activeElement))) return;
      event.preventDefault();
      const box = element.getBoundingClientRect();
      this.zoom(2 ** (-event.deltaY / 240), event.clientX - box.left, event.clientY - box.top);
    }, { passive: false });
    element.addEventListener("keydown", ({ key }) => {
      const step = { ArrowLeft: [60, 0], ArrowRight: [-60, 0], ArrowUp: [0, 60], ArrowDown: [0, -60] }[key];
      if (!this.view || !(step || "+-=0".includes(key))) return;
      if (step) this.move(...step);
      else if (key === "0") this.home();
      else this.zoom(key === "-" ? 1 / 1.6 : 1.6);
    });
    element.append(el("div", { class: "zoom" },
      el("button", { type: "button", "aria-label": "Zoom in", onclick: () => this.zoom(1.6) }, "+"),
      el("button", { type: "button", "aria-label": "Zoom out", onclick: () => this.zoom(1 / 1.6) }, "−"),
      el("button", { type: "button", "aria-label": "Show all points", onclick: () => this.home() }, "◎")));
  }

  home() {
    this.moved = false;
    this.fit();
    this.render();
  }

  render() {
    this.chart.setOption({
      ...base(), animation: false,
      tooltip: { ...base().tooltip, trigger: "item", formatter: ({ dataIndex }) => this.tip(this.points[dataIndex]) },
      series: [
        { id: "earth", type: "custom", coordinateSystem: "none", silent: true, tooltip: { show: false }, data: [0], renderItem: () => ({ type: "group", children: this.earth() }) },
        { id: "points", type: "custom", coordinateSystem: "none", data: this.points.map((_, i) => i), renderItem: ({ dataIndex }) => this.circle(this.points[dataIndex]) },
        { id: "names", type: "custom", coordinateSystem: "none", silent: true, tooltip: { show: false }, data: [0], renderItem: () => ({ type: "group", children: this.names() }) },
      ],
    });
  }

  earth() {
    const colors = palette();
    const { width, height } = this.size;
    const plain = !this.land || width * this.view.scale < plainBelow;
    const ground = { type: "rect", shape: { x: 0, y: 0, width, height }, style: { fill: plain ? colors.land : colors.sea } };
    return [ground, ...(plain ? [] : this.coast()), ...this.graticule(), ...this.scaleBar()];
  }

  coast() {
    const colors = palette();
    const { width, height } = this.size;
    const [west, south] = [this.view.x - (width / 2) * this.view.scale, this.view.y - (height / 2) * this.view.scale];
    const [east, north] = [west + width * this.view.scale, south + height * this.view.scale];
    const least = this.view.scale * 0.8; // what moves less than that is not seen
    // The earth goes on beyond its 180th meridian: what is seen of each turn.
    return [-720, -360, 0, 360, 720].flatMap((turn) => this.land.flat().filter((ring) => ring.east + turn > west && ring.west + turn < east
      && ring.north > south && ring.south < north && Math.max(ring.east - ring.west, ring.north - ring.south) > 2 * least).map((ring) => {
      let last = ring.places[0];
      const points = ring.places.filter((p, i) => {
        if (i > 0 && Math.abs(p[0] - last[0]) < least && Math.abs(p[1] - last[1]) < least) return false;
        last = p;
        return true;
      }).map(([x, y]) => this.at([x + turn, y]));
      return { type: "polygon", shape: { points }, style: { fill: ring.hole ? colors.sea : colors.land, stroke: colors.coast, lineWidth: 0.8 } };
    }));
  }

  graticule() {
    const colors = palette();
    const { width, height } = this.size;
    const { view } = this;
    const least = 90 * view.scale;
    const step = [90, 60, 30].find((n) => least > n) ?? (least > 20 ? 30 : round(2 * least));
    const digits = Math.max(0, -Math.floor(Math.log10(step) + 1e-9));
    const parts = [];
    const line = (a, b, label, x, y) => parts.push(
      { type: "line", shape: { x1: a[0], y1: a[1], x2: b[0], y2: b[1] }, style: { stroke: colors.axis, lineWidth: 0.6, lineDash: [2, 4] } },
      x < width - 60 && { type: "text", style: { text: label, x, y, fontFamily: font(), fontSize: 10.5, fill: colors.muted, stroke: colors.land, lineWidth: 2 } });
    const [west, east] = [view.x - (width / 2) * view.scale, view.x + (width / 2) * view.scale];
    for (let n = Math.ceil(west / step); n * step <= east; n++) {
      const [x] = this.at([n * step, 0]);
      line([x, 0], [x, height], degrees(((n * step + 540) % 360 + 360) % 360 - 180, digits, "E", "W"), x + 3, 5);
    }
    const [south, north] = [latitudeOf(view.y - (height / 2) * view.scale), latitudeOf(view.y + (height / 2) * view.scale)];
    for (let n = Math.ceil(south / step); n * step <= north; n++) {
      const [, y] = this.at(project(0, n * step));
      if (y > 22 && y < height - 36) line([0, y], [width, y], degrees(n * step, digits, "N", "S"), 5, y + 3);
    }
    return parts.filter(Boolean);
  }

  scaleBar() {
    const colors = palette();
    const metres = metresPerDegree * this.view.scale * Math.cos(latitudeOf(this.view.y) * radians); // a pixel
    const length = round(110 * metres);
    const [x, y, width] = [12, this.size.height - 12, length / metres];
    return [
      { type: "polyline", shape: { points: [[x, y - 5], [x, y], [x + width, y], [x + width, y - 5]] }, style: { stroke: colors.ink, fill: "none", lineWidth: 1.4 } },
      { type: "text", style: { text: length >= 1000 ? `${(length / 1000).toLocaleString("en-US")} km` : `${length} m`, x: x + 5, y: y - 15, fontFamily: font(), fontSize: 11, fill: colors.ink, stroke: colors.land, lineWidth: 3 } },
    ];
  }

  // radius is that of a circle whose area is in proportion to the size.
  radius(point) {
    const most = Math.max(9, Math.min(28, Math.min(this.size.width, this.size.height) / 13));
    if (!this.map.size || this.most <= 0) return 5;
    const size = number(point.size);
    return size === null ? 5 : Math.max(2, most * Math.sqrt(Math.max(0, size) / this.most));
  }

  circle(point) {
    const [cx, cy] = this.at(point.place);
    const missing = this.map.size && number(point.size) === null;
    const color = this.color(point);
    return {
      type: "circle", shape: { cx, cy, r: this.radius(point) },
      style: missing ? { fill: hatch(), stroke: palette().hatch, lineDash: [2, 2], lineWidth: 1 } : { fill: color, opacity: 0.72, stroke: palette().card, lineWidth: 1.2 },
      emphasis: { style: { opacity: 1, stroke: palette().ink } },
    };
  }

  // names are the labels of the largest points, where there is room: clear of larger
  // circles, of other names and of the graticule's, over a smaller circle where need be.
  names() {
    const colors = palette();
    const circles = this.points.slice(0, 200).map((point) => {
      const [x, y] = this.at(point.place);
      const r = this.radius(point);
      return { left: x - r, right: x + r, top: y - r, bottom: y + r };
    });
    const taken = [];
    const { width, height } = this.size;
    return this.points.slice(0, 60).flatMap((point, rank) => {
      const name = this.name(point);
      const [x, y] = this.at(point.place);
      const r = this.radius(point);
      if (!name || taken.length >= 16) return [];
      const long = widest([name]) + 4;
      const boxes = [x + r + 3, x - r - 3 - long].map((left) => ({ left, right: left + long, top: y - 8, bottom: y + 8 }))
        .filter((b) => b.left > axisRoom && b.right < width - 44 && b.top > 20 && b.bottom < height - 22);
      const free = (others) => boxes.find((b) => others.every((t) => b.left > t.right || b.right < t.left || b.top > t.bottom || b.bottom < t.top));
      const box = free([...taken, ...circles]) ?? free([...taken, ...circles.slice(0, rank)]);
      if (!box) return [];
      taken.push(box);
      return [{ type: "text", style: { text: name, x: box.left, y: y - 6, fontFamily: font(), fontSize: 11.5, fill: colors.ink, stroke: colors.land, lineWidth: 3 } }];
    });
  }

  tip(point) {
    const { map } = this, name = this.name(point);
    return tip(name || `${point.latitude.toFixed(4)}°, ${point.longitude.toFixed(4)}°`, [
      ...(map.size ? [{ name: map.size, value: point.size.text }] : []),
      ...(map.color && name !== point.color ? [{ color: this.color(point), name: map.color, value: point.color }] : []),
      ...(point.labels ?? []).slice(1).map(({ name, text }) => ({ name, value: text })),
    ]);
  }

  // color is that of a point's value: the definition's own, or the palette's.
  color({ color }) {
    const at = Math.max(0, (this.map.colors ?? []).indexOf(color));
    return colorOf(this.map.palette?.[at], at);
  }

  // name is a point's first label, or the dimension of its colour where that has
  // too many values to be one.
  name({ labels, color }) {
    return labels?.[0]?.text ?? (this.map.color && !this.map.colors?.length ? color : "");
  }
}

// isHole looks at the direction of a ring: GeoJSON's outer rings run the other way round.
function isHole(places) {
  let area = 0;
  for (let i = 0; i < places.length; i++) {
    const [a, b] = [places[i], places[(i + 1) % places.length]];
    area += a[0] * b[1] - b[0] * a[1];
  }
  return area > 0;
}

function degrees(value, digits, positive, negative) {
  return `${Math.abs(value).toFixed(digits)}°${value === 0 || Math.abs(value) === 180 ? "" : ` ${value > 0 ? positive : negative}`}`;
}
