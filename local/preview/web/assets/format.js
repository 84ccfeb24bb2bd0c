// Writes what the page chooses itself: the ticks of axes, and shares. Everything else
// is a cell, {value, text}, whose text the server has written.

// tick writes a number of an axis: short, and with the digits that ticks differ in.
export function tick(value, { prefix = "", suffix = "", percent, grouping } = {}) {
  const size = Math.abs(value) * (percent ? 100 : 1);
  const digits = size.toLocaleString("en-US", { maximumSignificantDigits: 6, notation: size < 1e4 ? "standard" : "compact", useGrouping: Boolean(grouping) });
  return `${value < 0 ? "-" : ""}${prefix}${digits}${percent ? "%" : ""}${suffix}`;
}

// share writes a part of a whole.
export const share = (part) => `${(part * 100).toFixed(1)}%`;

// number is a cell's number, or null.
export function number(cell) {
  const value = cell?.value ?? null;
  return value === null || value === "" || typeof value === "boolean" || !Number.isFinite(Number(value)) ? null : Number(value);
}
