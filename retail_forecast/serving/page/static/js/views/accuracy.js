// How good the forecasts have been: the backtest before, and published vintages against what was sold since.

import { getIfThere, seriesPath } from "../api.js";
import { h } from "../dom.js";
import { count, day, percent, score, signed, t, units } from "../i18n.js";
import { levelName, modelName, SERIES_LEVEL } from "../names.js";
import { empty } from "../states.js";

const WRITE = { wrmsse: score, wape: (value) => percent(value, { decimals: 1, least: 1 }), mae: units, bias: units };
const METRICS = Object.keys(WRITE);
const coverages = (rows) => [...new Set(rows.flatMap(Object.keys))].filter((name) => name.startsWith("coverage_"));

function heads(metrics, shares) {
  const named = metrics.map((name) => h("th.number", { scope: "col" }, t(`metric.${name}`)));
  const ranges = shares.map((name) => h("th.number", { scope: "col" }, t("metric.coverage", { share: percent(Number(name.slice(9)), { decimals: 1 }) })));
  return [...named, ...ranges];
}

function cells(row, metrics, shares) {
  const written = metrics.map((name) => (row[name] === undefined || row[name] === null ? t("none") : WRITE[name](row[name])));
  const ranges = shares.map((name) => (row[name] === undefined ? t("none") : percent(row[name], { decimals: 1, least: 1 })));
  return [...written, ...ranges].map((text) => h("td.number", {}, text));
}

/** A table of scores; `lead` is [[head, row => cell], …], the columns before them. */
function scoreTable(caption, rows, lead) {
  const metrics = METRICS.filter((name) => rows.some((row) => row[name] !== undefined && row[name] !== null));
  const shares = coverages(rows);
  const head = h("tr", {}, lead.map(([words]) => h("th", { scope: "col" }, words)), heads(metrics, shares));
  const body = rows.map((row) => h("tr", {}, lead.map(([, cell], place) => (place ? h("td", {}, cell(row)) : h("th", { scope: "row" }, cell(row)))), cells(row, metrics, shares)));
  return h("div.wide", { tabindex: "0", role: "region", "aria-label": caption },
    h("table", {}, h("caption", {}, caption), h("thead", {}, head), h("tbody", {}, body)));
}

const levelCell = (row) => (row.level === "all" ? t("accuracy.all") : levelName(row.level));

function explained(rows) {
  const known = METRICS.filter((name) => rows.some((row) => row[name] !== undefined));
  const entries = known.map((name) => [h("dt", {}, t(`metric.${name}`)), h("dd", {}, t(`metric.${name}.what`))]);
  return h("details", {}, h("summary", {}, t("accuracy.read")), h("dl.plain", {}, entries));
}

function live(rows) {
  const lead = [[t("accuracy.cutoff"), (row) => day(row.cutoff)], [t("accuracy.level"), levelCell], [t("accuracy.periods"), (row) => count(row.periods)]];
  return rows.length ? scoreTable(t("accuracy.live"), rows, lead) : empty(t("accuracy.not_yet"));
}

/** One line on the series itself; nothing while no sales of a forecast day are known. */
async function seriesLine({ store, item }, signal) {
  const own = await getIfThere(`v1/accuracy/${seriesPath(store, item)}`, { signal });
  if (!own?.periods) return null;
  const words = own.wape === null ? "accuracy.of_series_unsold" : "accuracy.of_series";
  const error = own.wape === null ? "" : percent(own.wape, { decimals: 1, least: 1 });
  return h("p", {}, t(words, { periods: count(own.periods), vintages: count(own.cutoffs.length), error, bias: signed(own.bias) }));
}

/** What is known of a series, for its tab. */
export async function seriesAccuracy(series, signal) {
  const [line, rest] = await Promise.all([seriesLine(series, signal), levelAccuracy(SERIES_LEVEL, signal)]);
  return h("div.stack", {}, line, rest);
}

/** What is known of one level, for the tab of a group or series. */
export async function levelAccuracy(level, signal) {
  const answer = await getIfThere("v1/accuracy", { signal });
  if (!answer) return h("div", {}, empty(t("accuracy.none")));
  const own = answer.backtest.filter((row) => row.level === level).map((row) => ({ ...row, model: "ours" }));
  const others = (answer.baselines ?? []).filter((row) => row.level === level);
  const rows = [...own, ...others];
  const table = rows.length ? scoreTable(t("accuracy.backtest"), rows, [[t("accuracy.model"), (row) => modelName(row.model)]]) : empty(t("accuracy.none"));
  return h("div.stack", {}, h("p", {}, t("accuracy.of_level", { level: levelName(level) })), table,
    live(answer.live.filter((row) => row.level === level)), explained(rows), h("p", {}, h("a", { href: "?page=accuracy" }, t("accuracy.title"))));
}

export async function accuracyView({ signal }) {
  const answer = await getIfThere("v1/accuracy", { signal });
  const title = h("h1", { tabindex: "-1" }, t("accuracy.title"));
  if (!answer) return { title: t("accuracy.title"), content: [title, empty(t("accuracy.none"))] };
  const card = (...children) => h("section.card", {}, ...children);
  const backtest = answer.backtest.length ? scoreTable(t("accuracy.backtest"), answer.backtest, [[t("accuracy.level"), levelCell]]) : empty(t("accuracy.none"));
  return {
    title: t("accuracy.title"),
    content: [title, h("p.soft", {}, t("accuracy.what")), card(backtest, explained(answer.backtest)), card(live(answer.live))],
  };
}
