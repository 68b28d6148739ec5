// A low chart of the price under the forecast, with the same dates and the same cursor.

import { drawChart, line } from "./chart.js";
import { h } from "./dom.js";
import { price, t } from "./i18n.js";
import { columnName, namesOf } from "./names.js";
import { seconds } from "./series.js";

/** { element, start, show, destroy }; the element is null where no price is known, or it never changed. */
export function priceChart(periods, kinds, cutoff) {
  const [name] = namesOf(kinds, "float");
  const values = periods.map((period) => period.known_future?.[name] ?? null);
  const known = values.filter((value) => value !== null);
  if (new Set(known.map(price)).size < 2) return { element: null, start() {}, show() {}, destroy() {} };
  const box = h("div.chart.low");
  const range = { name: columnName(name), low: price(Math.min(...known)), high: price(Math.max(...known)) };
  const element = h("div", { role: "img", "aria-label": t("chart.price", range) }, h("p.small.soft", {}, columnName(name)), box);
  const stepped = { paths: uPlot.paths.stepped({ align: 1 }) };
  let chart;
  return {
    element,
    start() {
      const data = [periods.map((period) => seconds(period.date)), values];
      chart = drawChart(box, { data, series: [line("--price", 1.6, stepped)], cutoff, low: true, write: price, sync: "forecast" });
    },
    show: (from) => chart?.show(from),
    destroy: () => chart?.destroy(),
  };
}
