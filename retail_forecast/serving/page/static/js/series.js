// Numbers as the chart wants them: columns side by side over one axis of dates.

const DAY = 86400;

/** Seconds since 1970 of an ISO date. */
export const seconds = (date) => Date.parse(`${date}T00:00:00Z`) / 1000;

/** The ISO date of seconds since 1970. */
export const isoDate = (time) => new Date(Math.round(time / DAY) * DAY * 1000).toISOString().slice(0, 10);

/** Quantiles that lie around the middle in pairs, the widest first: [{ low, high, share }]. */
export function pairs(quantiles) {
  const names = Object.keys(quantiles).sort((a, b) => a - b);
  const found = [];
  for (const low of names.filter((name) => Number(name) < 0.5)) {
    const high = names.find((name) => Math.abs(Number(name) + Number(low) - 1) < 1e-9);
    if (high) found.push({ low, high, share: Number(high) - Number(low) });
  }
  return found.length > 3 ? [found[1], found[found.length - 1]] : found.slice(0, 3);
}

/** The columns of a chart: times, sold, mean, then low and high of each pair; what is not known is null. */
export function columns(past, forecasts) {
  const ranges = forecasts.length ? pairs(forecasts[0].quantiles) : [];
  const empty = past.map(() => null);
  const ahead = forecasts.map(() => null);
  return {
    ranges,
    times: [...past, ...forecasts].map((period) => seconds(period.date)),
    sold: [...past.map((period) => period.units_sold), ...ahead],
    mean: [...empty, ...forecasts.map((period) => period.mean)],
    bounds: ranges.flatMap(({ low, high }) =>
      [low, high].map((name) => [...empty, ...forecasts.map((period) => period.quantiles[name])])),
  };
}

/** The sum of what is known; null when nothing is. */
export function total(values) {
  const known = values.filter((value) => value !== null && value !== undefined);
  return known.length ? known.reduce((sum, value) => sum + value, 0) : null;
}

/** What is marked on a date: events by their names, flags that are set, and shelves that were probably empty. */
export function marks(periods, kinds) {
  const named = (kind, known) => Object.keys(kinds).filter((name) => kinds[name] === kind && known[name]);
  const all = periods.map(({ date, known_future: known, stock_out: empty = false }) => ({
    time: seconds(date), events: named("category", known).map((name) => known[name]), flags: named("boolean", known), empty,
  }));
  return all.filter(({ events, flags, empty }) => events.length || flags.length || empty);
}
