// One control per covariate of a what-if: a slider for numbers, choices for flags, a list for events.

import { freshId, h } from "./dom.js";
import { percent, price, t } from "./i18n.js";
import { columnName } from "./names.js";

const mean = (values) => (values.length ? values.reduce((sum, value) => sum + value, 0) / values.length : null);
const rounded = (value, step) => Number((Math.round(value / step) * step).toFixed(4));

/** Where a slider begins and ends: around what is planned and was seen. */
function reach(seen, now, whole) {
  const known = [...seen, ...(now === null ? [] : [now])].filter((value) => typeof value === "number");
  const [low, high] = [Math.min(...known), Math.max(...known)];
  const step = whole ? 1 : high >= 1000 ? 10 : high >= 100 ? 1 : high >= 10 ? 0.1 : 0.01;
  return { step, min: rounded(low > 0 ? Math.max(step, low * 0.5) : low, step), max: rounded(high > 0 ? high * 1.5 : high + 1, step) };
}

/** Where nothing is known of a number, it can only be typed. */
function exactControl(name, value, change) {
  const id = freshId("number");
  const take = (event) => change(name, Number.isFinite(event.target.valueAsNumber) ? event.target.valueAsNumber : undefined);
  const field = h("input", { id, type: "number", step: "any", value: value === undefined ? "" : String(value), oninput: take });
  return h("div.control", {}, h("label", { for: id }, columnName(name)), field);
}

function numberControl({ name, whole, seen, planned, value, change }) {
  const now = mean(planned.filter((one) => typeof one === "number"));
  if (now === null && !seen.length) return exactControl(name, value, change);
  const { step, min, max } = reach(seen, now, whole);
  const id = freshId("slider");
  const start = value ?? rounded(now ?? min, step);
  const told = h("span.small.soft");
  const slider = h("input", { id, type: "range", min, max, step, value: String(start) });
  const exact = h("input", { type: "number", step: "any", value: String(start), "aria-label": t("what_if.exact", { name: columnName(name) }) });
  const tell = (number) => {
    const rate = now > 0 && Math.abs(number / now - 1) >= 0.005 ? ` (${percent(number / now - 1, { sign: true })})` : "";
    told.textContent = now === null ? "" : t("what_if.planned", { value: price(now) }) + rate;
    slider.setAttribute("aria-valuetext", price(number));
  };
  const take = (from, to) => () => {
    const number = from.valueAsNumber;
    if (!Number.isFinite(number)) return;
    to.value = String(number);
    tell(number);
    change(name, number);
  };
  slider.addEventListener("input", take(slider, exact));
  exact.addEventListener("input", take(exact, slider));
  tell(start);
  return h("div.control", {}, h("label", { for: id }, columnName(name)), slider, h("div.value", {}, exact, told));
}

function flagControl({ name, value, change }) {
  const group = freshId("flag");
  const option = (words, chosen) => h("label", {},
    h("input", { type: "radio", name: group, checked: value === chosen, onchange: () => change(name, chosen) }), words);
  const options = [option(t("what_if.as_planned"), undefined), option(t("yes"), true), option(t("no"), false)];
  return h("fieldset.control", {}, h("legend", {}, columnName(name)), h("div.choices", {}, options));
}

function eventControl({ name, seen, value, change }) {
  const id = freshId("event");
  const values = [undefined, null, ...seen.toSorted()];
  const words = (one) => (one === undefined ? t("what_if.as_planned") : one === null ? t("what_if.no_event") : one);
  const options = values.map((one, place) => h("option", { value: String(place) }, words(one)));
  const select = h("select", { id, onchange: (event) => change(name, values[Number(event.target.value)]) }, options);
  select.value = String(Math.max(0, values.indexOf(value)));
  return h("div.control", {}, h("label", { for: id }, columnName(name)), select);
}

/** The control of a covariate: { name, kind, seen, planned, value, change }. */
export function control(options) {
  if (options.kind === "boolean") return flagControl(options);
  if (options.kind === "category") return eventControl(options);
  return numberControl({ ...options, whole: options.kind === "integer" });
}

/** Two lists of dates, from and to. */
export function dayControl(dates, scenario, write, change) {
  const list = (words, at) => {
    const id = freshId("day");
    const select = h("select", { id, onchange: (event) => change(at, event.target.value) }, dates.map((date) => h("option", { value: date }, write(date))));
    select.value = scenario[at];
    return h("div", {}, h("label", { for: id }, words), select);
  };
  const pair = h("div.pair", {}, list(t("what_if.from"), "from"), list(t("what_if.to"), "to"));
  return h("fieldset.control", {}, h("legend", {}, t("what_if.days")), pair);
}
