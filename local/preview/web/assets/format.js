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

const utc = (options) => {
  const format = new Intl.DateTimeFormat("en-US", { timeZone: "UTC", hourCycle: "h23", ...options });
  return (date) => format.format(date);
};
const year = utc({ year: "numeric" }), month = utc({ month: "short" }), monthOfYear = utc({ month: "short", year: "numeric" });
const day = utc({ month: "short", day: "numeric" });
const minute = utc({ hour: "2-digit", minute: "2-digit" }), second = utc({ hour: "2-digit", minute: "2-digit", second: "2-digit" });

// timeTick says of an instant what is new since the tick before; the first one
// says the day, too.
export function timeTick(value, index) {
  const date = new Date(value);
  if (value % 864e5 === 0 && date.getUTCDate() !== 1) return day(date);
  if (value % 864e5 === 0) return (date.getUTCMonth() === 0 ? year : index === 0 ? monthOfYear : month)(date);
  return (index === 0 ? `${day(date)}, ` : "") + (value % 6e4 === 0 ? minute : second)(date);
}

// number is a cell's number, or null.
export function number(cell) {
  const value = cell?.value ?? null;
  return value === null || value === "" || typeof value === "boolean" || !Number.isFinite(Number(value)) ? null : Number(value);
}
