// The card with the chart and its legend that a series and a group have in common.

import { band, drawChart, edge, line } from "./chart.js";
import { h } from "./dom.js";
import { words } from "./figures.js";
import { day, t, units } from "./i18n.js";
import { entriesOf, legend } from "./legend.js";
import { priceChart } from "./price-chart.js";
import { columns, marks, seconds, total } from "./series.js";
import { spanButtons } from "./spans.js";

const SHADES = [0.16, 0.2, 0.24];

function seriesOf(data, scenario) {
  const lines = [line("--history", 1.6), line("--forecast", 2.5), ...data.bounds.map(() => edge)];
  return scenario ? [...lines, line("--scenario", 2.5, { dash: [6, 4] }), edge, edge] : lines;
}

function bandsOf(data, scenario) {
  const own = data.ranges.map((_, place) => band(3 + 2 * place, 4 + 2 * place, "--fan", SHADES[place]));
  const first = 3 + data.bounds.length;
  return scenario ? [...own, band(first + 1, first + 2, "--scenario-fan", 0.16)] : own;
}

function summaryOf(name, past, forecasts) {
  const sum = units(total(forecasts.map((period) => period.mean)));
  const from = (past[0] ?? forecasts[0]).date;
  return t("chart.summary", { name, from: day(from), to: day(forecasts.at(-1).date), units: sum });
}

/**
 * The card of { past, future, forecasts, model, name }: { element, start, overlay(scenario), listen(...), destroy }.
 * A scenario is { mean, low, high } over the horizon; null takes it away.
 */
export function forecastCard({ past, future = [], forecasts, model, name }) {
  const data = columns(past, forecasts);
  const known = [...past, ...future].filter((period) => period.known_future);
  const marked = marks(known, model.known_future);
  const cutoff = past.length ? seconds(past.at(-1).date) : undefined;
  const box = h("div.chart");
  const frame = h("div", { tabindex: "0", role: "img", "aria-label": summaryOf(name, past, forecasts) }, box);
  const told = h("div.told-at", {}, t("chart.hint"));
  const spoken = h("div.unseen", { "aria-live": "polite" });
  const low = priceChart(known, model.known_future, cutoff);
  const spans = spanButtons(past, model.frequency, (from) => [chart, low].forEach((one) => one?.show(from)));
  let [chart, scenario, hooks] = [null, null, {}];

  const values = () => {
    const own = [data.times, data.sold, data.mean, ...data.bounds];
    const aside = past.map(() => null);
    return scenario ? [...own, ...[scenario.mean, scenario.low, scenario.high].map((row) => [...aside, ...row])] : own;
  };
  const onTold = (index, aloud) => {
    told.replaceChildren(...words(data, index, marked));
    if (aloud) spoken.textContent = [...told.children].map((part) => part.textContent).join(", ");
  };
  const draw = () => {
    const from = chart?.since();
    chart?.destroy();
    const [series, bands] = [seriesOf(data, scenario), bandsOf(data, scenario)];
    chart = drawChart(box, { data: values(), series, bands, marks: marked, cutoff, from, sync: "forecast", onTold, ...hooks });
  };
  const head = h("div.row", {}, legend(entriesOf(data, model.known_future, marked)), h("span.end"), spans.element);
  return {
    element: h("section.card", { "aria-label": t("chart.label") }, head, told, frame, low.element, spoken),
    start() {
      draw();
      low.start();
      spans.press(spans.first);
    },
    overlay(next) {
      const same = Boolean(next) === Boolean(scenario);
      scenario = next;
      if (same) chart.update(values());
      else draw();
    },
    listen(next) {
      hooks = next;
      draw();
    },
    destroy() {
      chart?.destroy();
      low.destroy();
    },
  };
}
