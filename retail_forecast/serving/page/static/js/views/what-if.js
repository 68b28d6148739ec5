// What if the price, a promotion or an event were another? The answer follows while one drags.

import { latest, post } from "../api.js";
import { control, dayControl } from "../controls.js";
import { debounce, fill, h } from "../dom.js";
import { count, percent, signed, t, units, weekday } from "../i18n.js";
import { columnName } from "../names.js";
import { go, where } from "../router.js";
import { everSeen, fromAddress, planned, question, toAddress } from "../scenario.js";
import { pairs, seconds, total } from "../series.js";
import { problemNotice } from "../states.js";

const PAUSE_MS = 90;

function comparison(words, baseline, scenario) {
  const change = baseline > 0 ? percent(scenario / baseline - 1, { sign: true }) : "";
  const kind = scenario > baseline ? "up" : scenario < baseline ? "down" : "soft";
  const numbers = h("dd", {}, `${units(baseline)} → ${units(scenario)} `, h(`small.${kind}`, {}, signed(scenario - baseline), change && ` (${change})`));
  return h("div", {}, h("dt", {}, words), numbers);
}

function valueName(value) {
  if (value === null) return t("what_if.no_event");
  if (typeof value === "boolean") return t(value ? "yes" : "no");
  return typeof value === "number" ? units(value) : value;
}

/** What the model has not seen, covariate by covariate. */
function outsideNotice(outside) {
  if (!outside?.length) return null;
  const seen = (one) => (one.values ? one.values.map(valueName).join(", ") : `${units(one.min)} – ${units(one.max)}`);
  const alike = Map.groupBy(outside, (one) => JSON.stringify([one.covariate, one.value]));
  const lines = [...alike.values()].map(([one, ...others]) => h("li", {}, t("what_if.outside_line", {
    name: columnName(one.covariate), value: valueName(one.value), days: count(1 + others.length), seen: seen(one.seen),
  })));
  return h("div.notice.warn", { role: "note" }, h("strong", {}, t("what_if.outside")), h("ul", {}, lines));
}

function result(answer) {
  const chosen = answer.periods.filter((period) => period.changed);
  const sum = (which) => total(chosen.map((period) => period[which].mean)) ?? 0;
  return [
    h("dl.figures", {},
      comparison(t("what_if.on_days", { days: count(chosen.length) }), sum("baseline"), sum("scenario")),
      comparison(t("what_if.in_all"), answer.total.baseline, answer.total.scenario)),
    outsideNotice(answer.outside),
  ];
}

/** The scenario as lines of the chart, its mean and its widest range, where it differs from the plan. */
function overlay({ periods }) {
  const [widest] = pairs(periods[0].scenario.quantiles);
  const other = periods.map((period) => period.changed || period.difference.mean !== 0);
  const near = periods.map((_, place) => other[place - 1] || other[place] || other[place + 1]);
  const of = (name) => periods.map(({ scenario }, place) => (near[place] ? (name ? scenario.quantiles[name] : scenario.mean) : null));
  return { mean: of(), low: widest ? of(widest.low) : of(), high: widest ? of(widest.high) : of() };
}

/** The tab: { element, start, close }. */
export function whatIfTab({ series, answer, history, planned: future, model, card }) {
  const dates = answer.forecasts.map((period) => period.date);
  const kinds = model.known_future;
  const known = [...(history?.periods ?? []), ...future];
  let scenario = fromAddress(where(), dates, kinds);
  const form = h("form.stack", { onsubmit: (event) => event.preventDefault() });
  const told = h("div.stack", { role: "status" });
  const ask = latest((body, signal) => post("v1/what-if", body, { signal }));

  const answerNow = async () => {
    if (!Object.keys(scenario.values).length) return nothing();
    try {
      const found = await ask(question(series, scenario, dates));
      fill(told, result(found));
      card.overlay(overlay(found));
    } catch (problem) {
      if (problem.status === undefined && problem.name !== "AbortError") throw problem;
      if (problem.name !== "AbortError") fill(told, problemNotice(problem));
    }
    return undefined;
  };
  const nothing = () => {
    fill(told, h("p.soft", {}, t("what_if.start")));
    card.overlay(null);
  };
  const soon = debounce(answerNow, PAUSE_MS);

  function changed() {
    go({ ...where(), ...toAddress(scenario, kinds) }, { replace: true, quiet: true });
    soon();
  }
  function setValue(name, value) {
    const { [name]: _, ...others } = scenario.values;
    scenario = { ...scenario, values: value === undefined ? others : { ...others, [name]: value } };
    changed();
  }
  function setDays(days) {
    scenario = { ...scenario, ...days };
    if (scenario.from > scenario.to) scenario = { ...scenario, [days.from ? "to" : "from"]: days.from ?? days.to };
    draw();
    changed();
  }
  function reset() {
    scenario = { from: dates[0], to: dates.at(-1), values: {} };
    draw();
    changed();
  }
  function draw() {
    const focused = form.contains(document.activeElement) ? [...form.elements].indexOf(document.activeElement) : -1;
    const controls = Object.entries(kinds).map(([name, kind]) => control({
      name, kind, seen: everSeen(known, name), planned: planned(future, name, scenario), value: scenario.values[name], change: setValue,
    }));
    const days = dayControl(dates, scenario, weekday, (at, date) => setDays({ [at]: date }));
    fill(form, h("div.controls", {}, days, controls), h("div.row", {}, h("button", { type: "button", onclick: reset }, t("what_if.reset"))));
    if (focused >= 0) form.elements[focused]?.focus();
  }
  const dragged = (from, to) => {
    const inside = dates.filter((date) => date >= from && date <= to);
    if (inside.length) setDays({ from: inside[0], to: inside.at(-1) });
  };
  const all = () => scenario.from === dates[0] && scenario.to === dates.at(-1);
  const chosen = () => (all() ? null : [seconds(scenario.from), seconds(scenario.to)]);
  draw();
  return {
    element: h("div.stack", {}, h("p.small.soft", {}, t("what_if.hint")), told, form),
    start() {
      card.listen({ onSelect: dragged, chosen });
      answerNow();
    },
    close() {
      card.listen({});
      card.overlay(null);
    },
  };
}
