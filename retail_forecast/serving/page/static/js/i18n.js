// Words, numbers and dates in the reader's language. The words are in i18n/*.json, nowhere else.

const STORE = "retail-forecast-language";
const LANGUAGES = ["en", "vi"];
let words = {};
let locale = "en";

/** The language in use. */
export const language = () => locale.slice(0, 2);

/** Loads the words of the language that was chosen before, or that the browser asks for. */
export async function loadLanguage(chosen = localStorage.getItem(STORE)) {
  const wanted = chosen ? [chosen] : navigator.languages;
  const found = wanted.find((one) => LANGUAGES.includes(one.slice(0, 2))) ?? LANGUAGES[0];
  locale = navigator.languages.find((one) => one.startsWith(found.slice(0, 2))) ?? found;
  const answer = await fetch(new URL(`../i18n/${language()}.json`, import.meta.url));
  words = await answer.json();
  document.documentElement.lang = language();
}

/** Keeps the other language for this and later visits. */
export async function switchLanguage() {
  const next = LANGUAGES[(LANGUAGES.indexOf(language()) + 1) % LANGUAGES.length];
  localStorage.setItem(STORE, next);
  await loadLanguage(next);
}

/** Whether there are words for this key. */
export const has = (key) => key in words;

/** The words for a key, with {names} filled in. */
export function t(key, values = {}) {
  const text = words[key] ?? key;
  return text.replace(/\{(\w+)\}/g, (whole, name) => values[name] ?? whole);
}

const number = (value, options) => new Intl.NumberFormat(locale, options).format(value);

const decimalsOf = (size) => (size >= 100 ? 0 : size >= 10 ? 1 : 2);

/** Units sold: whole numbers where they are large, two decimals where they are small. */
export function units(value) {
  if (value === null || value === undefined) return t("none");
  return number(value === 0 ? 0 : value, { maximumFractionDigits: decimalsOf(Math.abs(value)) });
}

/** Writes the numbers of one column of a table, all with the decimals that the largest needs; none if all are whole. */
export function unitsOf(values) {
  const known = values.filter((value) => value !== null && value !== undefined);
  const decimals = known.every(Number.isInteger) ? 0 : decimalsOf(Math.max(...known.map(Math.abs)));
  const digits = { minimumFractionDigits: decimals, maximumFractionDigits: decimals };
  return (value) => (value === null || value === undefined ? t("none") : number(value, digits));
}

/** A difference, with its sign. */
export function signed(value) {
  return number(value, { maximumFractionDigits: decimalsOf(Math.abs(value)), signDisplay: "exceptZero" });
}

export const count = (value) => number(value, { maximumFractionDigits: 0 });
export const price = (value) => number(value, { minimumFractionDigits: 2, maximumFractionDigits: 2 });
export const score = (value) => number(value, { minimumFractionDigits: 3, maximumFractionDigits: 3 });
export const compact = (value) => number(value, { notation: "compact", maximumFractionDigits: 2 });

export function percent(share, { sign = false, decimals = 0, least = 0 } = {}) {
  return number(share, { style: "percent", minimumFractionDigits: least, maximumFractionDigits: decimals, signDisplay: sign ? "exceptZero" : "auto" });
}

const dated = (text, options) =>
  new Intl.DateTimeFormat(locale, { timeZone: "UTC", ...options }).format(new Date(`${text}T00:00:00Z`));

export const day = (text) => dated(text, { day: "numeric", month: "short", year: "numeric" });
export const weekday = (text) => dated(text, { weekday: "short", day: "numeric", month: "short" });
export const shortDay = (text) => dated(text, { day: "numeric", month: "short" });
export const month = (text) => dated(text, { month: "short", year: "numeric" });

/** A moment, in the reader's own time zone. */
export const moment = (text) =>
  new Intl.DateTimeFormat(locale, { dateStyle: "medium", timeStyle: "short" }).format(new Date(text));
