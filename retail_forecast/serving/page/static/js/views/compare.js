// The same item in several stores: who sells how much of it.

import { get, getIfThere, post, seriesPath } from "../api.js";
import { drawChart } from "../chart.js";
import { h, svg } from "../dom.js";
import { percent, t, units, weekday } from "../i18n.js";
import { address } from "../router.js";
import { isoDate, seconds, total } from "../series.js";
import { empty } from "../states.js";

const MOST = 1000;
const LINES = 6;
const BEFORE = 28;
const COLOURS = ["--forecast", "--scenario", "--flag", "--event", "--price", "--history"];

/** The item's forecasts in every store that has it, the largest first. */
async function find(item, signal) {
  const { stores } = await get("v1/stores", { signal });
  const asked = stores.slice(0, MOST).map((store) => ({ store_id: store.store_id, item_id: item }));
  const { series } = await post("v1/forecasts", { series: asked }, { signal });
  const summed = series.map((one) => ({ ...one, sum: total(one.forecasts.map((period) => period.mean)) }));
  return summed.sort((a, b) => b.sum - a.sum);
}

async function history(one, signal) {
  const answer = await getIfThere(`v1/history/${seriesPath(one.store_id, one.item_id)}?periods=${BEFORE}`, { signal });
  return answer?.periods ?? [];
}

function colourOf(place) {
  const mark = h("span.key-colour", { "aria-hidden": "true" });
  mark.style.setProperty("background", `var(${COLOURS[place]})`);
  return mark;
}

function row(one, place, most, store) {
  const width = `${(one.sum / most) * 100}%`;
  const name = h("a", { href: address({ store: one.store_id, item: one.item_id, tab: "stores" }) }, one.store_id);
  return h("tr", {},
    h("th", { scope: "row" }, place < LINES ? colourOf(place) : "", " ", one.store_id === store ? h("strong", {}, name) : name),
    h("td.bar-cell", {}, svg("svg.steps", { "aria-hidden": "true" }, svg("rect.share", { x: "0", y: "20%", width, height: "60%", rx: "2" }))),
    h("td.number", {}, units(one.sum)));
}

function table(found, store) {
  const heads = [h("th", { scope: "col" }, t("column.store_id")), h("th", { scope: "col" }, h("span.unseen", {}, t("drivers.bar"))), h("th.number", { scope: "col" }, t("compare.ahead"))];
  const rows = found.map((one, place) => row(one, place, found[0].sum || 1, store));
  return h("table.bars", {}, h("caption", {}, t("compare.what", { stores: found.length, sum: units(total(found.map((one) => one.sum))) })), h("thead", {}, h("tr", {}, heads)), h("tbody", {}, rows));
}

function chartData(shown, pasts) {
  const dates = [...new Set([...pasts.flat(), ...shown[0].forecasts].map((period) => period.date))].sort();
  const values = shown.map((one, place) => {
    const known = new Map([...pasts[place].map((period) => [period.date, period.units_sold]), ...one.forecasts.map((period) => [period.date, period.mean])]);
    return dates.map((date) => known.get(date) ?? null);
  });
  return [dates.map(seconds), ...values];
}

/** What each store sold or is expected to sell in the period under the cursor. */
function words(shown, data, index) {
  if (index === null || index === undefined) return [t("chart.hint")];
  const known = shown.map((one, place) => [one.store_id, data[place + 1][index]]).filter(([, value]) => value !== null);
  return [h("strong", {}, weekday(isoDate(data[0][index]))), ...known.map(([name, value]) => h("span", {}, `${name}: ${units(value)}`))];
}

/** The tab that compares stores: { element, start, close }. */
export async function compareTab({ store, item }, signal) {
  const found = await find(item, signal);
  if (found.length < 2) return { element: h("div", {}, empty(t("compare.alone"))) };
  const shown = found.slice(0, LINES);
  const pasts = await Promise.all(shown.map((one) => history(one, signal)));
  const own = found.find((one) => one.store_id === store);
  const share = t("compare.share", { store, share: percent((own?.sum ?? 0) / total(found.map((one) => one.sum)), { decimals: 1 }) });
  const box = h("div.chart");
  const frame = h("div", { tabindex: "0", role: "img", "aria-label": t("compare.chart", { item, stores: shown.map((one) => one.store_id).join(", ") }) }, box);
  const cutoff = pasts[0].length ? seconds(pasts[0].at(-1).date) : undefined;
  const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const data = chartData(shown, pasts);
  const told = h("div.told-at", { "aria-live": "polite" }, t("chart.hint"));
  const onTold = (index) => told.replaceChildren(...words(shown, data, index));
  let chart;
  return {
    element: h("div.stack", {}, own && h("p", {}, share), told, frame, h("p.small.soft", {}, t("compare.lines", { count: shown.length })), table(found, store)),
    start() {
      const series = shown.map((one, place) => ({ stroke: () => colour(COLOURS[place]), width: one.store_id === store ? 3 : 1.5, points: { show: false } }));
      chart = drawChart(box, { data, series, cutoff, onTold });
    },
    close: () => chart?.destroy(),
  };
}
