// Writes values by the Format that comes with them: numbers with the separators
// of English, as a definition means them, and instants in UTC.

const months = "January February March April May June July August September October November December".split(" ");
const days = "Sunday Monday Tuesday Wednesday Thursday Friday Saturday".split(" ");
const scales = { thousands: [1e3, "K"], millions: [1e6, "M"], billions: [1e9, "B"], trillions: [1e12, "T"] };
const byGrain = {
  YEAR: "YYYY", QUARTER: "[Q]Q YYYY", MONTH: "MMM YYYY", WEEK: "MMM D, YYYY", DAY: "MMM D, YYYY",
  HOUR: "MMM D, YYYY HH:mm", MINUTE: "MMM D, YYYY HH:mm", SECOND: "MMM D, YYYY HH:mm:ss",
  MILLISECOND: "MMM D, YYYY HH:mm:ss.SSS",
};
const instant = /^\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d))?$/;

// text writes a value; a value that is not there is the format's null text, or a
// dash, and never a zero.
export function text(value, format = {}) {
  if (value === null || value === undefined) return format.null || "–";
  if (typeof value === "boolean") return String(value);
  if (format.type === "date" || (!format.type && typeof value === "string" && instant.test(value))) {
    const date = new Date(value);
    return Number.isNaN(date.getTime()) ? String(value) : dateText(date, format.pattern || byGrain[format.grain] || natural(date));
  }
  const number = ["number", "percent", "currency"].includes(format.type);
  if (!number || value === "" || !Number.isFinite(Number(value))) return String(value);
  return numberText(value, format);
}

// tick writes a value of an axis: short, and with the digits that tell ticks apart.
export function tick(value, format) {
  return text(value, { ...format, decimals: -1, scale: !format.scale || format.scale === "none" ? (Math.abs(value) >= 1e4 ? "auto" : "none") : format.scale });
}

function numberText(value, { type, decimals = -1, prefix = "", suffix = "", currency = "", scale, grouping }) {
  const size = Math.abs(Number(value)) * (type === "percent" ? 100 : 1);
  const name = scale === "auto" ? Object.keys(scales).findLast((s) => size >= scales[s][0]) : scale;
  const [by, letter] = type === "percent" ? [1, ""] : scales[name] ?? [1, ""];
  const options = { useGrouping: Boolean(grouping) };
  if (type === "percent") options.style = "percent";
  if (type === "currency" && /^[A-Z]{3}$/.test(currency)) Object.assign(options, { style: "currency", currency, currencyDisplay: "narrowSymbol" });
  if (decimals >= 0) options.minimumFractionDigits = options.maximumFractionDigits = Math.min(decimals, 20);
  else if (size > 0 && size / by < 0.01) options.maximumSignificantDigits = 2;
  else Object.assign(options, { minimumFractionDigits: 0, maximumFractionDigits: 2 });
  // A text is an integer beyond 2^53: Intl writes it digit by digit.
  return prefix + numbers(options).format(by === 1 ? value : Number(value) / by) + letter + suffix;
}

const formats = new Map();

function numbers(options) {
  const key = JSON.stringify(options);
  if (!formats.has(key)) formats.set(key, new Intl.NumberFormat("en-US", options));
  return formats.get(key);
}

const natural = (date) => (date.getTime() % 864e5 === 0 ? byGrain.DAY : date.getTime() % 6e4 === 0 ? byGrain.MINUTE : byGrain.SECOND);
const pad = (n, width = 2) => String(n).padStart(width, "0");
const ordinal = (n) => n + (["th", "st", "nd", "rd"][n % 100 > 10 && n % 100 < 14 ? 0 : n % 10] ?? "th");

// dateText knows QuickSight's letters
// (https://docs.aws.amazon.com/quicksight/latest/user/format-visual-date-controls.html)
// and, for a pattern without Y and D such as yyyy-MM-dd, those of formatDate, where
// d is the day of the month. What is in brackets, quotes or no letter stands as it is.
export function dateText(date, pattern) {
  const [y, m, d, weekday] = [date.getUTCFullYear(), date.getUTCMonth(), date.getUTCDate(), date.getUTCDay()];
  const [h, minute, s, ms] = [date.getUTCHours(), date.getUTCMinutes(), date.getUTCSeconds(), date.getUTCMilliseconds()];
  const dayOfYear = (Date.UTC(y, m, d) - Date.UTC(y, 0, 1)) / 864e5 + 1;
  const week = isoWeek(y, m, d, weekday);
  const quarter = Math.floor(m / 3) + 1;
  const small = !/[YD]/.test(pattern);
  const letters = {
    YYYY: pad(y, 4), YY: pad(y % 100), Y: y, yyyy: pad(y, 4), yy: pad(y % 100), y,
    Q: quarter, Qo: ordinal(quarter), MMMM: months[m], MMM: months[m].slice(0, 3), MM: pad(m + 1), Mo: ordinal(m + 1), M: m + 1,
    DDDD: pad(dayOfYear, 3), DDD: dayOfYear, DD: pad(d), Do: ordinal(d), D: d,
    dddd: days[weekday], ddd: days[weekday].slice(0, 3), dd: small ? pad(d) : days[weekday].slice(0, 2), do: ordinal(weekday), d: small ? d : weekday,
    EEEE: days[weekday], EEE: days[weekday].slice(0, 3), E: small ? days[weekday].slice(0, 3) : weekday || 7, e: weekday,
    ww: pad(week), wo: ordinal(week), w: week, WW: pad(week), W: week,
    HH: pad(h), H: h, kk: pad(h || 24), k: h || 24, hh: pad(h % 12 || 12), h: h % 12 || 12, A: h < 12 ? "AM" : "PM", a: h < 12 ? "am" : "pm",
    mm: pad(minute), m: minute, ss: pad(s), s, SSS: pad(ms, 3), SS: pad(Math.floor(ms / 10)), S: Math.floor(ms / 100),
    X: Math.floor(date.getTime() / 1000), x: date.getTime(), ZZ: "+0000", Z: "+00:00", z: "UTC",
  };
  return pattern.replace(/\[([^\]]*)\]|'([^']*)'|[MQDdw]o|([A-Za-z])\3*/g,
    (part, bracket, quote) => bracket ?? quote ?? letters[part] ?? part);
}

// isoWeek is the week of ISO 8601: the one that holds the year's first Thursday is 1.
function isoWeek(y, m, d, weekday) {
  const thursday = new Date(Date.UTC(y, m, d + 4 - (weekday || 7)));
  return Math.ceil(((thursday - Date.UTC(thursday.getUTCFullYear(), 0, 1)) / 864e5 + 1) / 7);
}

// number is a value's number, or null.
export function number(value) {
  if (value === null || value === undefined || value === "" || typeof value === "boolean") return null;
  return Number.isFinite(Number(value)) ? Number(value) : null;
}
