// Where the dates of an axis are written: on days, on Mondays, or on the first of months.

import { isoDate } from "./series.js";

const DAY = 86400;
const MONDAY = 4 * DAY; // 1970-01-05
const DAYS = [1, 7, 14, 28];
const MONTHS = [1, 2, 3, 6, 12, 24, 60];

function everyDays(low, high, days) {
  const anchor = days === 1 ? 0 : MONDAY;
  const first = Math.ceil((low - anchor) / (days * DAY)) * days * DAY + anchor;
  return Array.from({ length: Math.floor((high - first) / (days * DAY)) + 1 }, (_, place) => first + place * days * DAY);
}

function everyMonths(low, high, months) {
  const [year, month] = isoDate(low).split("-").map(Number);
  const found = [];
  for (let place = Math.ceil((year * 12 + month - 1) / months) * months; ; place += months) {
    const time = Date.UTC(Math.floor(place / 12), place % 12, 1) / 1000;
    if (time > high) return found;
    if (time >= low) found.push(time);
  }
}

/** The times between two, as many as fit in so many places: { times, byMonth }. */
export function dateTicks(low, high, most) {
  const days = DAYS.find((one) => (high - low) / DAY / one <= most);
  if (days) return { times: everyDays(low, high, days), byMonth: false };
  const months = MONTHS.find((one) => (high - low) / DAY / 30.4 / one <= most) ?? MONTHS.at(-1);
  return { times: everyMonths(low, high, months), byMonth: true };
}
