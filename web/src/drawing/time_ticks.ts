/** Where axes of durations and of wall clock time are labelled. */

import { clockParts, formatDuration, MONTHS, padded, type Zone } from "./format";
import type { Range } from "./scale";
import { numberTicks, type Tick } from "./ticks";

const MINUTE_S = 60;
const HOUR_S = 3600;
const DAY_S = 86_400;

const STRIDES_S: readonly number[] = [
  1, 2, 5, 10, 15, 30,
  MINUTE_S, 2 * MINUTE_S, 5 * MINUTE_S, 10 * MINUTE_S, 15 * MINUTE_S, 30 * MINUTE_S,
  HOUR_S, 2 * HOUR_S, 3 * HOUR_S, 6 * HOUR_S, 12 * HOUR_S,
  DAY_S, 2 * DAY_S, 5 * DAY_S, 10 * DAY_S, 20 * DAY_S, 50 * DAY_S, 100 * DAY_S,
];

function strideOf(rough: number): number | null {
  return STRIDES_S.find((stride) => stride >= rough * 0.999) ?? null;
}

function durationLabel(seconds: number, stride: number): string {
  if (seconds === 0) return "0";
  const size = Math.abs(seconds);
  const sign = seconds < 0 ? "\u2212" : "";
  if (stride >= DAY_S) return `${sign}${Math.round(size / DAY_S)}d`;
  if (stride < MINUTE_S && size < MINUTE_S) return `${sign}${size}s`;
  if (stride < MINUTE_S) return sign + formatDuration(size);
  const days = Math.floor(size / DAY_S);
  const hours = Math.floor((size % DAY_S) / HOUR_S);
  const minutes = Math.round((size % HOUR_S) / MINUTE_S);
  const parts = [days > 0 ? `${days}d` : "", hours > 0 ? `${hours}h` : "", minutes > 0 ? `${minutes}m` : ""];
  return sign + parts.filter((part) => part !== "").join(" ");
}

/** At most about `count` round durations; the range is in seconds. */
export function durationTicks(range: Range, count: number): Tick[] {
  const rough = (range.high - range.low) / count;
  const stride = strideOf(rough);
  if (rough < 0.5) {
    return numberTicks(range, count).map(({ value }) => ({ value, label: value === 0 ? "0" : formatDuration(value) }));
  }
  if (stride === null) {
    const days = { low: range.low / DAY_S, high: range.high / DAY_S };
    return numberTicks(days, count).map(({ value, label }) => ({ value: value * DAY_S, label: `${label}d` }));
  }
  const ticks: Tick[] = [];
  for (let i = Math.ceil(range.low / stride); i * stride <= range.high; i++) {
    ticks.push({ value: i * stride, label: durationLabel(i * stride, stride) });
  }
  return ticks;
}

interface Calendar {
  readonly year: number;
  readonly month: number;
  readonly day: number;
  readonly second: number;
}

function secondsOf({ year, month, day, second }: Calendar, zone: Zone): number {
  if (zone === "UTC") return Date.UTC(year, month, day) / 1000 + second;
  return new Date(year, month, day, 0, 0, second).getTime() / 1000;
}

function clockLabel(seconds: number, stride: number, zone: Zone): string {
  const at = clockParts(seconds, zone);
  const isMidnight = at.hour === 0 && at.minute === 0 && at.second === 0 && at.millisecond === 0;
  if (isMidnight && at.day === 1 && at.month === 0 && stride >= DAY_S) return String(at.year);
  if (isMidnight) return `${at.day} ${MONTHS[at.month]}`;
  const minutes = `${padded(at.hour)}:${padded(at.minute)}`;
  if (stride >= MINUTE_S) return minutes;
  const whole = `${minutes}:${padded(at.second)}`;
  return stride >= 1 ? whole : `${padded(at.minute)}:${padded(at.second)}.${padded(at.millisecond, 3)}`;
}

/** Times of the same day or the days themselves, each counted from its midnight, as clocks change now and then. */
function dayTicks(range: Range, stride: number, zone: Zone): Tick[] {
  const ticks: Tick[] = [];
  const first = clockParts(range.low, zone);
  const days = Math.max(1, Math.round(stride / DAY_S));
  for (let i = 0; ticks.length < 100; i += days) {
    const day = { year: first.year, month: first.month, day: first.day + i, second: 0 };
    const midnight = secondsOf(day, zone);
    if (midnight > range.high) break;
    const from = stride >= DAY_S ? 0 : Math.max(0, Math.floor((range.low - midnight) / stride) - 1);
    for (let second = from * stride; second < (stride >= DAY_S ? 1 : DAY_S); second += stride) {
      const value = secondsOf({ ...day, second }, zone);
      if (value > range.high) break;
      if (value >= range.low) ticks.push({ value, label: clockLabel(value, stride, zone) });
    }
  }
  return ticks;
}

function monthTicks(range: Range, rough: number, zone: Zone): Tick[] {
  const stride = [1, 2, 3, 6, 12, 24, 60, 120, 240, 600, 1200].find((months) => months * 30 * DAY_S >= rough) ?? 12_000;
  const first = clockParts(range.low, zone);
  const start = Math.floor((first.year * 12 + first.month) / stride) * stride;
  const ticks: Tick[] = [];
  for (let month = start; ticks.length < 50; month += stride) {
    const year = Math.floor(month / 12);
    const value = secondsOf({ year, month: month % 12, day: 1, second: 0 }, zone);
    if (!(value <= range.high)) break;
    const label = month % 12 === 0 ? String(year) : `${MONTHS[month % 12]} ${year}`;
    if (value >= range.low) ticks.push({ value, label });
  }
  return ticks;
}

/** At most about `count` round times of a zone; the range is in seconds since 1970. */
export function clockTicks(range: Range, count: number, zone: Zone): Tick[] {
  const rough = (range.high - range.low) / count;
  if (!(Math.abs(range.low) < 8e12 && Math.abs(range.high) < 8e12)) return numberTicks(range, count);
  if (rough < 0.5) {
    const origin = Math.floor(range.low);
    const within = { low: range.low - origin, high: range.high - origin };
    return numberTicks(within, count).map(({ value }) => ({
      value: origin + value,
      label: clockLabel(origin + value, 0.001, zone),
    }));
  }
  const stride = strideOf(rough);
  if (stride === null || stride > 10 * DAY_S) return monthTicks(range, rough, zone);
  return dayTicks(range, stride, zone);
}
