// Writes the parts of the page that are not written by hand: `npm ci && npm run build`.
import { build } from "esbuild";
import { copyFileSync, readFileSync, writeFileSync } from "node:fs";

const assets = new URL("../assets/", import.meta.url).pathname;
const modules = new URL("node_modules/", import.meta.url).pathname;
const version = (name) => JSON.parse(readFileSync(`${modules}${name}/package.json`, "utf8")).version;

await build({
  entryPoints: [new URL("echarts.entry.js", import.meta.url).pathname],
  outfile: `${assets}echarts.js`,
  bundle: true,
  format: "esm",
  minify: true,
  target: "es2022",
  legalComments: "inline",
  define: { "process.env.NODE_ENV": '"production"' },
  banner: {
    js: `/*! Apache ECharts ${version("echarts")}, bundled with the parts that the page uses. ` +
      "Licensed to the Apache Software Foundation (ASF); Apache-2.0: see echarts.LICENSE and echarts.NOTICE. */",
  },
});
copyFileSync(`${modules}echarts/LICENSE`, `${assets}echarts.LICENSE`);
copyFileSync(`${modules}echarts/NOTICE`, `${assets}echarts.NOTICE`);
writeFileSync(`${assets}land.json`, land(JSON.parse(readFileSync(`${modules}world-atlas/land-50m.json`, "utf8"))));

// land flattens the TopoJSON of Natural Earth's land into polygons of rings, each
// [longitude, latitude, step east, step north, …] in hundredths of a degree (about
// a kilometre, finer than the 1:50,000,000 of the source). Islands of less than
// about 5 km and steps that round to nothing are left out.
function land({ arcs, transform, objects }) {
  const hundredths = (point) => point.map((v, i) => Math.round((v * transform.scale[i] + transform.translate[i]) * 100));
  const lines = arcs.map((arc) => {
    let x = 0, y = 0;
    return arc.map(([dx, dy]) => hundredths([x += dx, y += dy]));
  });
  const line = (i) => (i < 0 ? lines[~i].toReversed() : lines[i]);
  const ring = (parts) => {
    const points = parts.flatMap((part, i) => line(part).slice(i === 0 ? 0 : 1));
    const whole = unwrap(points);
    return whole.filter((p, i) => i === 0 || p[0] !== whole[i - 1][0] || p[1] !== whole[i - 1][1]);
  };
  const wide = (points) => [0, 1].some((i) => Math.max(...points.map((p) => p[i])) - Math.min(...points.map((p) => p[i])) >= 5);
  const steps = (points) => points.flatMap((p, i) => (i === 0 ? p : [p[0] - points[i - 1][0], p[1] - points[i - 1][1]]));
  const polygons = objects.land.geometries
    .flatMap((geometry) => (geometry.type === "Polygon" ? [geometry.arcs] : geometry.arcs))
    .map((rings) => rings.map(ring).filter(wide))
    .filter((rings) => rings.length > 0)
    .map((rings) => rings.map(steps));
  return JSON.stringify({
    source: "Natural Earth 1:50m land, public domain (naturalearthdata.com), by way of world-atlas " + version("world-atlas"),
    unit: "hundredths of a degree; each ring starts at a place and goes on in steps",
    polygons,
  }) + "\n";
}

// unwrap lets a ring that crosses the 180th meridian go on beyond it; one that
// goes round a pole is closed over that pole.
function unwrap(points) {
  let turn = 0;
  const whole = points.map(([x, y], i) => {
    if (i > 0 && Math.abs(x - points[i - 1][0]) > 18000) turn += x < points[i - 1][0] ? 36000 : -36000;
    return [x + turn, y];
  });
  if (Math.abs(whole.at(-1)[0] - whole[0][0]) < 18000) return whole;
  const pole = whole[0][1] < 0 ? -9000 : 9000;
  return [...whole, [whole.at(-1)[0], pole], [whole[0][0], pole]];
}
