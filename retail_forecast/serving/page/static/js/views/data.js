// The numbers of the chart as tables.

import { h } from "../dom.js";
import { day, percent, t, unitsOf, weekday } from "../i18n.js";
import { pairs } from "../series.js";

function table(caption, heads, rows) {
  const head = h("tr", {}, heads.map((words, place) => h(place ? "th.number" : "th", { scope: "col" }, words)));
  const body = rows.map(([first, ...others]) => h("tr", {}, h("th.date", { scope: "row" }, first), others.map((cell) => h("td.number", {}, cell))));
  return h("div.wide", { tabindex: "0", role: "region", "aria-label": caption }, h("table", {}, h("caption", {}, caption), h("thead", {}, head), h("tbody", {}, body)));
}

/** A table of the forecasts, and one of what was sold, the latest first. */
export function dataTab(forecasts, past) {
  const ranges = pairs(forecasts[0].quantiles);
  const heads = [t("data.date"), t("data.forecast"), ...ranges.map(({ share }) => t("data.range", { share: percent(share, { decimals: 1 }) }))];
  const mean = unitsOf(forecasts.map((one) => one.mean));
  const bound = unitsOf(forecasts.flatMap((one) => Object.values(one.quantiles)));
  const between = (one) => ranges.map(({ low, high }) => `${bound(one.quantiles[low])} – ${bound(one.quantiles[high])}`);
  const ahead = table(t("data.forecasts"), heads, forecasts.map((one) => [weekday(one.date), mean(one.mean), ...between(one)]));
  if (!past.length) return h("div.stack", {}, ahead);
  const sold = unitsOf(past.map((one) => one.units_sold));
  const rows = past.toReversed().map((one) => [day(one.date), sold(one.units_sold)]);
  const before = table(t("data.history"), [t("data.date"), t("data.sold")], rows);
  return h("div.stack", {}, ahead, h("details", {}, h("summary", {}, t("data.history")), before));
}
