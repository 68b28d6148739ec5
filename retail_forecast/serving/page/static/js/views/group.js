// One group of a level: its history and forecast, what it is part of, and what it divides into.

import { get, getIfThere, levelPath } from "../api.js";
import { h } from "../dom.js";
import { downloadButtons } from "../download.js";
import { figures } from "../figures.js";
import { forecastCard } from "../forecast-card.js";
import { t } from "../i18n.js";
import { groupName, levelName } from "../names.js";
import { levelsAbove, listBelow, trail } from "../relatives.js";
import { tabs } from "../tabs.js";
import { dataTab } from "./data.js";
import { levelAccuracy } from "./accuracy.js";

const HISTORY = 400;

/** Figures and chart of a group: { content, start, done }. */
export function groupCard({ answer, history, model, name }) {
  const past = history?.periods ?? [];
  const card = forecastCard({ past, forecasts: answer.forecasts, model, name });
  const numbers = h("section.card", { "aria-label": t("figure.label") }, figures(past, answer.forecasts, model));
  return { content: [numbers, card.element], start: card.start, done: card.destroy, past };
}

export async function groupView({ query, model, signal }) {
  const level = query.level.replaceAll(":", "/");
  const path = levelPath(level, query.group);
  const [answer, history, found] = await Promise.all([
    get(`v1/levels/${path}`, { signal }),
    getIfThere(`v1/level-history/${path}?periods=${HISTORY}`, { signal }),
    get("v1/levels", { signal }),
  ]);
  const name = groupName(level, query.group);
  const card = groupCard({ answer, history, model, name });
  const panels = [
    { id: "below", name: t("tab.below"), open: () => listBelow(level, query.group, found.levels, signal) },
    { id: "accuracy", name: t("tab.accuracy"), open: () => levelAccuracy(level, signal) },
    { id: "data", name: t("tab.data"), open: () => dataTab(answer.forecasts, card.past) },
  ];
  const tabbed = tabs(panels, query);
  return {
    title: name,
    content: [
      trail(levelsAbove(level, query.group, found.levels)),
      h("div.head", {}, h("div.grow", {}, h("h1", { tabindex: "-1" }, name), h("p.soft", {}, levelName(level))),
        downloadButtons({ level: level.replaceAll("/", ":"), group: query.group })),
      ...card.content, tabbed.element,
    ],
    start() {
      card.start();
      tabbed.start();
    },
    done: card.done,
  };
}

