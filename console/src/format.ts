/**
 * How figures are written. Three significant digits are what a person compares at a glance; units change so that they
 * suffice. An absent figure is an en dash, never a zero.
 */
export const absent = "–";

const grouped = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });

function significant(value: number, digits = 3): string {
  if (value === 0) return "0";
  const decimals = Math.max(0, digits - 1 - Math.floor(Math.log10(Math.abs(value))));
  return new Intl.NumberFormat("en", { maximumFractionDigits: Math.min(decimals, 20) }).format(value);
}

/** A duration given in milliseconds, from microseconds to hours: `340 µs`, `3.42 ms`, `1.2 s`, `4 min`. */
export function formatMs(value: number | null | undefined): string {
  if (value === null || value === undefined || !Number.isFinite(value)) return absent;
  const size = Math.abs(value);
  if (size === 0) return "0 ms";
  if (size < 0.9995) return `${significant(value * 1000)} µs`;
  if (size < 999.5) return `${significant(value)} ms`;
  if (size < 59_950) return `${significant(value / 1000)} s`;
  if (size < 3_597_000) return `${significant(value / 60_000, 2)} min`;
  return `${significant(value / 3_600_000, 2)} h`;
}

/** `12.4/s`. */
export function formatRate(value: number | null | undefined): string {
  if (value === null || value === undefined || !Number.isFinite(value)) return absent;
  return `${value >= 9995 ? formatCount(value) : significant(value)}/s`;
}

/** A share between 0 and 1 as a percentage; what is not zero never looks like zero. */
export function formatShare(value: number | null | undefined): string {
  if (value === null || value === undefined || !Number.isFinite(value)) return absent;
  if (value > 0 && value < 0.0001) return "<0.01%";
  if (value < 1 && value > 0.9999) return ">99.99%";
  return `${significant(value * 100, value >= 0.1 ? 3 : 2)}%`;
}

/** Whole numbers up to 99,999, then `124 k`, `1.2 M`. */
export function formatCount(value: number | null | undefined): string {
  if (value === null || value === undefined || !Number.isFinite(value)) return absent;
  const size = Math.abs(value);
  if (size < 99_999.5) return Number.isInteger(value) ? grouped.format(value) : significant(value);
  if (size < 999_500) return `${significant(value / 1e3)} k`;
  if (size < 999_500_000) return `${significant(value / 1e6)} M`;
  return `${significant(value / 1e9)} G`;
}

/** Any number of a model: whole numbers whole, others with five significant digits, very large and small ones with an exponent. */
export function formatNumber(value: number, digits = 5): string {
  if (Number.isNaN(value)) return "NaN";
  if (!Number.isFinite(value)) return value > 0 ? "∞" : "−∞";
  const size = Math.abs(value);
  if (Number.isInteger(value) && size < 1e12) return grouped.format(value);
  if (size !== 0 && (size < 1e-4 || size >= 1e12)) return value.toExponential(Math.max(0, digits - 2)).replace(/\.?0+e/, "e").replace("e+", "e");
  return significant(value, digits);
}

/** A population stability index: three decimals, as its thresholds are read. */
export function formatPsi(value: number): string {
  return value !== 0 && value < 0.001 ? "<0.001" : value.toFixed(3);
}

/** Bytes in powers of 1000: `14.2 kB`. */
export function formatBytes(value: number): string {
  if (value < 1000) return `${value} B`;
  if (value < 999_500) return `${significant(value / 1e3)} kB`;
  if (value < 999_500_000) return `${significant(value / 1e6)} MB`;
  if (value < 999_500_000_000) return `${significant(value / 1e9)} GB`;
  return `${significant(value / 1e12)} TB`;
}

/** Time that has passed, in its two largest units: `3 d 4 h`, `12 s`. */
export function formatAge(milliseconds: number): string {
  const seconds = Math.max(0, Math.round(milliseconds / 1000));
  if (seconds < 60) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  if (hours < 24) return minutes % 60 === 0 ? `${hours} h` : `${hours} h ${minutes % 60} min`;
  return hours % 24 === 0 ? `${Math.floor(hours / 24)} d` : `${Math.floor(hours / 24)} d ${hours % 24} h`;
}

const clockTime = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", second: "2-digit" });
const dayTime = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" });
const yearTime = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short", year: "numeric", hour: "2-digit", minute: "2-digit" });

/** Local time: of today as a clock, of this year with the day, else with the year. `today` is any moment of today. */
export function formatTime(time: number, today: number): string {
  const date = new Date(time);
  const reference = new Date(today);
  if (date.toDateString() === reference.toDateString()) return clockTime.format(date);
  return (date.getFullYear() === reference.getFullYear() ? dayTime : yearTime).format(date).replace(",", "");
}

/** A whole day of UTC as `4 Mar`, an hour as `4 Mar 12:00 UTC`. */
export function formatUtcPart(time: number, part: "day" | "hour"): string {
  const day = new Date(time).toLocaleString("en-GB", { day: "numeric", month: "short", timeZone: "UTC" });
  return part === "day" ? day : `${day} ${new Date(time).toISOString().slice(11, 16)} UTC`;
}

/** `2026-03-04 12:00:05 UTC`. */
export function formatUtc(time: number): string {
  return `${new Date(time).toISOString().slice(0, 19).replace("T", " ")} UTC`;
}

/** `1 row`, `3 rows`. */
export function plural(count: number, one: string, many = `${one}s`): string {
  return `${formatCount(count)} ${count === 1 ? one : many}`;
}

/** The first hexadecimal digits of a digest; enough to tell two apart by eye. */
export function shortDigest(digest: string): string {
  return digest.replace(/^sha256:/, "").slice(0, 12);
}

/** `[-1, 4]` in the words of people: `n × 4`. */
export function formatShape(shape: readonly number[]): string {
  return shape.length === 0 ? "scalar" : shape.map((dimension) => (dimension < 0 ? "n" : String(dimension))).join(" × ");
}
