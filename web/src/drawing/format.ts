/** Numbers, durations and times as text. */

const MINUS = "\u2212";
const PREFIXES: readonly (readonly [number, string])[] = [
  [12, "T"],
  [9, "G"],
  [6, "M"],
  [3, "k"],
];

function signed(text: string): string {
  return text.replace(/-/g, MINUS);
}

/** Without noughts at the end of the fraction. */
function trimmed(text: string): string {
  if (!text.includes(".")) return text;
  return text.replace(/\.?0+(?=e|$)/, "");
}

export function formatSpecial(value: number): string | null {
  if (Number.isNaN(value)) return "NaN";
  if (value === Infinity) return "+\u221e";
  return value === -Infinity ? `${MINUS}\u221e` : null;
}

/** A value to be read beside a chart: up to `digits` digits that count, an exponent where noughts would be many. */
export function formatValue(value: number, digits = 5): string {
  const special = formatSpecial(value);
  if (special !== null) return special;
  const size = Math.abs(value);
  if (Number.isInteger(value) && size < 1e9) return signed(String(value));
  if (size !== 0 && (size < 1e-4 || size >= 1e7)) {
    const exact = value.toExponential(); // of the smallest numbers there are, fewer digits than are asked for
    const rounded = trimmed(value.toExponential(digits - 1));
    return signed((exact.length < rounded.length ? exact : rounded).replace("e+", "e"));
  }
  return signed(trimmed(value.toPrecision(digits)));
}

/** The decimal places that tell ticks of this distance apart. */
function decimalsOf(step: number): number {
  const [digits = "", exponent = "0"] = step.toExponential().split("e");
  const fraction = digits.split(".")[1] ?? "";
  return Math.max(0, fraction.length - Number(exponent));
}

/** The label of a tick, as short as it can be with ticks this far apart (`step`) and none farther out than `largest`. */
export function formatTick(value: number, step: number, largest: number): string {
  if (value === 0) return "0";
  if (largest >= 1e15 || largest < 1e-4) return signed(value.toExponential().replace("e+", "e"));
  if (largest >= 1e4) {
    for (const [power, prefix] of PREFIXES) {
      if (largest >= 10 ** power) {
        const decimals = decimalsOf(step / 10 ** power);
        if (decimals > 4) break;
        return signed(`${trimmed((value / 10 ** power).toFixed(decimals))}${prefix}`);
      }
    }
  }
  return signed(value.toFixed(Math.min(20, decimalsOf(step))));
}

const DAY_S = 86_400;

/** A duration to be read: `1:02:03`, `2d 04:00:00`, `12.3 s`, `5 ms`. */
export function formatDuration(seconds: number): string {
  const special = formatSpecial(seconds);
  if (special !== null) return special;
  if (seconds < 0) return `${MINUS}${formatDuration(-seconds)}`;
  if (seconds < 1) return seconds === 0 ? "0 s" : `${trimmed((seconds * 1000).toPrecision(3))} ms`;
  if (seconds < 60) return `${trimmed(seconds.toPrecision(4))} s`;
  const whole = Math.round(seconds);
  const days = Math.floor(whole / DAY_S);
  const hours = Math.floor((whole % DAY_S) / 3600);
  const minutes = Math.floor((whole % 3600) / 60);
  const rest = `${padded(minutes)}:${padded(whole % 60)}`;
  if (days > 0) return `${days}d ${padded(hours)}:${rest}`;
  return hours > 0 ? `${hours}:${rest}` : rest.replace(/^0/, "");
}

export function padded(value: number, width = 2): string {
  return String(value).padStart(width, "0");
}

export type Zone = "local" | "UTC";

/** The parts of a time in a zone: `Date` knows two of them. */
export function clockParts(seconds: number, zone: Zone) {
  const date = new Date(seconds * 1000);
  if (zone === "UTC") {
    return {
      year: date.getUTCFullYear(),
      month: date.getUTCMonth(),
      day: date.getUTCDate(),
      hour: date.getUTCHours(),
      minute: date.getUTCMinutes(),
      second: date.getUTCSeconds(),
      millisecond: date.getUTCMilliseconds(),
    };
  }
  return {
    year: date.getFullYear(),
    month: date.getMonth(),
    day: date.getDate(),
    hour: date.getHours(),
    minute: date.getMinutes(),
    second: date.getSeconds(),
    millisecond: date.getMilliseconds(),
  };
}

/** A time to be read: `2026-12-01 08:15:30`, with milliseconds where they matter. */
export function formatClock(seconds: number, zone: Zone, hasMilliseconds = false): string {
  if (!Number.isFinite(seconds) || Math.abs(seconds) > 8.64e12) return formatValue(seconds);
  const at = clockParts(seconds, zone);
  const day = `${at.year}-${padded(at.month + 1)}-${padded(at.day)}`;
  const time = `${padded(at.hour)}:${padded(at.minute)}:${padded(at.second)}`;
  return `${day} ${time}${hasMilliseconds ? `.${padded(at.millisecond, 3)}` : ""}`;
}

/** The name of the zone as it is at a time: `UTC`, `GMT+2`. */
export function zoneName(seconds: number, zone: Zone): string {
  if (zone === "UTC" || !(Math.abs(seconds) <= 8.64e12)) return zone;
  const parts = new Intl.DateTimeFormat("en", { timeZoneName: "short" }).formatToParts(seconds * 1000);
  return parts.find((part) => part.type === "timeZoneName")?.value ?? "local time";
}

export const MONTHS: readonly string[] = [
  "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
];
