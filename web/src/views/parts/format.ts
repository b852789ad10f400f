/** Values as short text for people. What is exact is left to titles. */

import { writeJson, type Json } from "../../wire/json";

/** A number in about seven letters: five digits, four behind a zero. */
export function formatNumber(value: number | bigint): string {
  if (typeof value === "bigint") {
    return value.toString();
  }
  if (!Number.isFinite(value)) {
    return Number.isNaN(value) ? "NaN" : value > 0 ? "∞" : "−∞";
  }
  const size = Math.abs(value);
  if (Number.isInteger(value) && size < 1e9) {
    return withMinus(String(value));
  }
  if (size >= 1e7 || size < 1e-3) {
    return withMinus(value.toExponential(3).replace(/\.?0+e/, "e").replace("e+", "e"));
  }
  return withMinus(String(Number(value.toPrecision(size < 1 ? 4 : 5))));
}

/** A difference with its sign, in the measure of a column. */
export function formatDifference(column: string, value: number): string {
  const size = Math.abs(value);
  const text = measureOf(column) === "duration" ? formatDuration(size) : formatNumber(Number(size.toPrecision(3)));
  return `${value < 0 ? "−" : "+"}${text}`;
}

export function formatCount(count: number): string {
  return count.toLocaleString("en");
}

/** "1 run", "1,000 runs". */
export function counted(count: number, one: string, many = `${one}s`): string {
  return `${formatCount(count)} ${count === 1 ? one : many}`;
}

/** A size in the unit that people would say: 1.5 MB is 1,500,000 bytes. */
export function formatBytes(bytes: number): string {
  const units = ["B", "kB", "MB", "GB", "TB"];
  const step = Math.min(units.length - 1, Math.max(0, Math.floor(Math.log10(Math.max(1, bytes)) / 3)));
  const value = bytes / 1000 ** step;
  return `${step === 0 ? value : Number(value.toPrecision(3))} ${units[step]}`;
}

/** Seconds as the two largest units: 3 h 12 min. */
export function formatDuration(seconds: number): string {
  if (!Number.isFinite(seconds)) {
    return formatNumber(seconds);
  }
  if (seconds < 60) {
    return `${Number(seconds.toPrecision(3))} s`;
  }
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) {
    return `${minutes} min ${Math.floor(seconds % 60)} s`;
  }
  const hours = Math.floor(minutes / 60);
  return hours < 48 ? `${hours} h ${minutes % 60} min` : `${Math.floor(hours / 24)} d ${hours % 24} h`;
}

/** How long ago, in one unit. */
export function formatAge(time: number, now: number): string {
  const seconds = now - time;
  if (seconds < 45) {
    return seconds < -3_600 ? formatTime(time) : "just now"; // clocks of other machines go a little wrong
  }
  const steps: readonly (readonly [number, string])[] = [
    [60, "min"],
    [3_600, "h"],
    [86_400, "d"],
  ];
  const [size, unit] = steps.findLast(([size]) => seconds >= size * 0.75) ?? [60, "min"];
  return seconds > 60 * 86_400 ? formatTime(time).slice(0, 10) : `${Math.max(1, Math.round(seconds / size))} ${unit} ago`;
}

/** A moment in the zone of who looks, with its offset: 2026-01-31 14:05:09 +01:00. */
export function formatTime(time: number): string {
  const date = new Date(time * 1000);
  if (Number.isNaN(date.getTime())) {
    return formatNumber(time);
  }
  const two = (value: number): string => String(value).padStart(2, "0");
  const offset = -date.getTimezoneOffset();
  const zone = `${offset < 0 ? "−" : "+"}${two(Math.floor(Math.abs(offset) / 60))}:${two(Math.abs(offset) % 60)}`;
  const day = `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
  return `${day} ${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())} ${zone}`;
}

/** Whether a column has times, durations, or something else, by its name. */
export function measureOf(column: string): "time" | "duration" | "other" {
  if (column === "created_at" || column === "heartbeat_at") {
    return "time";
  }
  return column === "runtime_s" ? "duration" : "other";
}

/** A cell's text. */
export function formatCell(column: string, value: Json, now: number): string {
  if (value === null) {
    return "";
  }
  if (typeof value === "number") {
    const measure = measureOf(column);
    return measure === "time" ? formatAge(value, now) : measure === "duration" ? formatDuration(value) : formatNumber(value);
  }
  return typeof value === "bigint" ? value.toString() : plainText(value);
}

/** A cell's value without any shortening: for its title, and for the clipboard. */
export function exactCell(column: string, value: Json): string {
  if (value === null) {
    return "";
  }
  if (typeof value === "number" && measureOf(column) === "time") {
    return formatTime(value);
  }
  return plainText(value);
}

function plainText(value: Json): string {
  if (typeof value === "string") {
    return value;
  }
  return Array.isArray(value) && value.every((one) => typeof one === "string") ? value.join(", ") : writeJson(value);
}

function withMinus(text: string): string {
  return text.replace("-", "−").replace("e−", "e-");
}
