// Colours that ECharts needs as values; the rest of the page has them from
// style.css. The series are Okabe and Ito's set, moved until every two of them
// stay apart for readers with protanopia, deuteranopia and tritanopia, on white
// and on the dark card.
const light = {
  series: ["#055bad", "#e58a12", "#008c6e", "#c671ba", "#2aa4f4", "#a2300c", "#a17008", "#274552"],
  scale: ["#e4eff9", "#8fc1e3", "#3486c1", "#08407f"],
  ink: "#161b22", muted: "#56616e", line: "#e2e6eb", axis: "#b9c1ca", card: "#ffffff", tip: "#ffffff",
  land: "#eceae3", hatch: "#7b8794",
};
const night = {
  series: ["#4aa5fc", "#e8ab00", "#4adea8", "#ca7da8", "#2f74d4", "#f0553c", "#d3df3a", "#c4c3ff"],
  scale: ["#1d2c3c", "#1f5788", "#3f90d0", "#a5d8ff"],
  ink: "#e6eaef", muted: "#9ba7b4", line: "#29313b", axis: "#46515e", card: "#171c23", tip: "#222a34",
  land: "#262b2f", hatch: "#8a97a5",
};

// dark says whether the reader prefers a dark page.
export const dark = matchMedia("(prefers-color-scheme: dark)");

// palette is that of the theme the page shows now.
export const palette = () => (dark.matches ? night : light);

// colorOf is a series' colour: the definition's own, or the palette's by index.
export function colorOf(own, index) {
  const { series } = palette();
  return /^#[0-9a-f]{6}$/i.test(own ?? "") ? own : series[index % series.length];
}

// onto is the text colour that is legible on a background #rrggbb.
export function onto(background) {
  const [r, g, b] = [1, 3, 5].map((i) => parseInt(background.slice(i, i + 2), 16) / 255)
    .map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4));
  return 0.2126 * r + 0.7152 * g + 0.0722 * b > 0.2 ? "#11161c" : "#ffffff";
}

const pen = document.createElement("canvas").getContext("2d");

// font is the page's, which ECharts does not take from the style sheet.
export const font = () => getComputedStyle(document.body).fontFamily;

// widest is how many pixels the longest of some texts takes.
export function widest(texts, size = 11.5) {
  pen.font = `${size}px ${font()}`;
  return texts.reduce((most, text) => Math.max(most, pen.measureText(text).width), 0);
}

// hatch is the pattern of what is not there, such as a suppressed value.
export function hatch() {
  const image = document.createElement("canvas");
  image.width = image.height = 6;
  const lines = image.getContext("2d");
  lines.strokeStyle = palette().hatch;
  lines.lineWidth = 1.2;
  lines.beginPath();
  for (const x of [-6, 0, 6]) lines.moveTo(x - 1, 7), lines.lineTo(x + 7, -1);
  lines.stroke();
  return { image, repeat: "repeat" };
}
