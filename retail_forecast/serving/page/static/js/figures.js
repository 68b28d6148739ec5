// The figures above a chart, and the words about the period under its cursor.

import { h } from "./dom.js";
import { percent, price, t, units, weekday } from "./i18n.js";
import { columnName } from "./names.js";
import { isoDate, total } from "./series.js";

/** Figures that answer the first questions: how much, against what, at which price. */
export function figures(past, forecasts, { frequency }, prices = []) {
  const ahead = total(forecasts.map((period) => period.mean));
  const before = total(past.slice(-forecasts.length).map((period) => period.units_sold));
  const change = before > 0 ? ahead / before - 1 : null;
  const entries = [
    [t(`figure.ahead.${frequency}`, { periods: forecasts.length }), units(ahead)],
    [t(`figure.before.${frequency}`, { periods: Math.min(past.length, forecasts.length) }), before === null ? t("none") : units(before)],
    [t("figure.change"), change === null ? t("none") : percent(change, { sign: true })],
    ...prices.map(([name, value]) => [columnName(name), price(value)]),
  ];
  return h("dl.figures", {}, entries.map(([term, value]) => h("div", {}, h("dt", {}, term), h("dd", {}, value))));
}

/** One line of words about the period under the cursor. */
export function words(data, index, marked) {
  if (index === null || index === undefined) return [t("chart.hint")];
  const time = data.times[index];
  const parts = [h("strong", {}, weekday(isoDate(time)))];
  if (data.sold[index] !== null) parts.push(h("span", {}, t("told.sold", { units: units(data.sold[index]) })));
  if (data.mean[index] !== null) parts.push(h("span", {}, t("told.forecast", { units: units(data.mean[index]) })));
  data.ranges.forEach(({ share }, place) => {
    const [low, high] = [data.bounds[2 * place][index], data.bounds[2 * place + 1][index]];
    if (low === null) return;
    const named = { share: percent(share, { decimals: 1 }), low: units(low), high: units(high) };
    parts.push(h("span.soft", {}, t("told.range", named)));
  });
  for (const mark of marked.filter((one) => one.time === time)) {
    parts.push(h("span", {}, [...mark.events, ...mark.flags.map(columnName), ...(mark.empty ? [t("mark.empty")] : [])].join(", ")));
  }
  return parts;
}
