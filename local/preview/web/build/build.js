// Writes the part of the page that is not written by hand: `npm ci && npm run build`.
import { build } from "esbuild";
import { copyFileSync, readFileSync } from "node:fs";

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
