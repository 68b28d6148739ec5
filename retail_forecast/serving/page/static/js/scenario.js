// A scenario: which days, and what is different on them. It lives in the address, so it can be sent to somebody.

const NOTHING = "-";

/** The dates of the horizon from one to another. */
export const datesBetween = (dates, { from, to }) => dates.filter((date) => date >= from && date <= to);

function read(kind, text) {
  if (kind === "category") return text === NOTHING ? null : text;
  if (kind === "boolean") return text === "true";
  const value = Number(text);
  return Number.isFinite(value) ? value : undefined;
}

const write = (value) => (value === null ? NOTHING : String(value));

/** The scenario that the address holds: { from, to, values }. */
export function fromAddress(query, dates, kinds) {
  const [from, to] = (query.days ?? "").split("..");
  const known = dates.includes(from) && dates.includes(to) && from <= to;
  const given = Object.entries(kinds).filter(([name]) => query[`set.${name}`] !== undefined);
  const values = given.map(([name, kind]) => [name, read(kind, query[`set.${name}`])]).filter(([, value]) => value !== undefined);
  return { from: known ? from : dates[0], to: known ? to : dates.at(-1), values: Object.fromEntries(values) };
}

/** The address's parameters of a scenario; those that are not set are undefined, and so left out. */
export function toAddress({ from, to, values }, kinds) {
  const changed = Object.keys(values).length > 0;
  const entries = Object.keys(kinds).map((name) => [`set.${name}`, values[name] === undefined ? undefined : write(values[name])]);
  return { days: changed ? `${from}..${to}` : undefined, ...Object.fromEntries(entries) };
}

/** What POST /v1/what-if takes. */
export function question({ store, item }, scenario, dates) {
  const change = { dates: datesBetween(dates, scenario), values: scenario.values };
  return { store_id: store, item_id: item, changes: [change] };
}

/** What a covariate is planned to be on the chosen days: its mean, or the values there are. */
export function planned(future, name, scenario) {
  const chosen = future.filter(({ date }) => date >= scenario.from && date <= scenario.to);
  return chosen.map((period) => period.known_future[name]).filter((value) => value !== undefined);
}

/** Every value that a covariate had, in the past and ahead. */
export function everSeen(periods, name) {
  return [...new Set(periods.map((period) => period.known_future?.[name]).filter((value) => value !== null && value !== undefined))];
}
