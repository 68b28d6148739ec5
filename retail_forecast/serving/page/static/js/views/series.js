// One item in one store: history, forecast, and the tabs that ask further.

import { get, getIfThere, seriesPath } from "../api.js";
import { h } from "../dom.js";
import { downloadButtons } from "../download.js";
import { figures } from "../figures.js";
import { forecastCard } from "../forecast-card.js";
import { t } from "../i18n.js";
import { escaped, namesOf, SERIES_LEVEL } from "../names.js";
import { levelsAbove, trail } from "../relatives.js";
import { tabs } from "../tabs.js";
import { seriesAccuracy } from "./accuracy.js";
import { compareTab } from "./compare.js";
import { dataTab } from "./data.js";
import { driversTab } from "./drivers.js";
import { whatIfTab } from "./what-if.js";

const HISTORY = 400;

function panelsOf(series, answer, history, model, card, signal) {
  const planned = history?.future ?? [];
  return [
    Object.keys(model.known_future).length && { id: "what-if", name: t("tab.what_if"), open: () => whatIfTab({ series, answer, history, planned, model, card }) },
    { id: "drivers", name: t("tab.drivers"), open: () => driversTab(series, signal) },
    { id: "stores", name: t("tab.stores"), open: () => compareTab(series, signal) },
    { id: "accuracy", name: t("tab.accuracy"), open: () => seriesAccuracy(series, signal) },
    { id: "data", name: t("tab.data"), open: () => dataTab(answer.forecasts, history?.periods ?? []) },
  ].filter(Boolean);
}

/** The prices of the first period ahead, by covariate. */
function pricesAhead(model, planned) {
  const known = planned[0]?.known_future ?? {};
  return namesOf(model.known_future, "float").filter((name) => typeof known[name] === "number").map((name) => [name, known[name]]);
}

export async function seriesView({ query: { store, item, ...query }, model, signal }) {
  const path = seriesPath(store, item);
  const [answer, history, found] = await Promise.all([
    get(`v1/forecasts/${path}`, { signal }),
    getIfThere(`v1/history/${path}?periods=${HISTORY}`, { signal }),
    getIfThere("v1/levels", { signal }),
  ]);
  const [past, future] = [history?.periods ?? [], history?.future ?? []];
  const card = forecastCard({ past, future, forecasts: answer.forecasts, model, name: `${item}, ${store}` });
  const tabbed = tabs(panelsOf({ store, item }, answer, history, model, card, signal), query);
  const isNew = answer.basis === "cold_start" && h("span.badge", {}, t("series.new"));
  return {
    title: `${item}, ${store}`,
    content: [
      trail(levelsAbove(SERIES_LEVEL, `${escaped(store)}/${escaped(item)}`, found?.levels ?? [])),
      h("div.head", {}, h("div.grow", {}, h("h1", { tabindex: "-1" }, item), h("p.soft", {}, store, " ", isNew)), downloadButtons({ store_id: store, item_id: item })),
      h("section.card", { "aria-label": t("figure.label") }, figures(past, answer.forecasts, model, pricesAhead(model, future))),
      card.element, tabbed.element,
    ],
    start() {
      card.start();
      tabbed.start();
    },
    done() {
      tabbed.close();
      card.destroy();
    },
  };
}
