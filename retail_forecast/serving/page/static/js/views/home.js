// The first view: the total, and the levels to browse.

import { get, getIfThere, levelPath } from "../api.js";
import { h } from "../dom.js";
import { count, t } from "../i18n.js";
import { levelName } from "../names.js";
import { address } from "../router.js";
import { groupCard } from "./group.js";

const HISTORY = 400;

function levelLinks(levels) {
  return h("ul.levels", {}, levels.filter(({ level }) => level !== "total").map((one) =>
    h("li", {}, h("a", { href: address({ level: one.level.replaceAll("/", ":") }) }, h("span", {}, levelName(one.level)), h("span.soft", {}, count(one.groups))))));
}

function storeLinks(stores) {
  return h("ul.levels", {}, stores.map((one) =>
    h("li", {}, h("a", { href: address({ store: one.store_id }) }, h("span", {}, one.store_id), h("span.soft", {}, count(one.items))))));
}

/** The total's forecast; null in a vintage without levels. */
async function totalCard(levels, model, signal) {
  if (!levels.some(({ level }) => level === "total")) return null;
  const [answer, history] = await Promise.all([
    get(`v1/levels/${levelPath("total", "total")}`, { signal }),
    getIfThere(`v1/level-history/${levelPath("total", "total")}?periods=${HISTORY}`, { signal }),
  ]);
  return groupCard({ answer, history, model, name: levelName("total") });
}

export async function homeView({ model, signal }) {
  const [found, { stores }] = await Promise.all([getIfThere("v1/levels", { signal }), get("v1/stores", { signal })]);
  const levels = found?.levels ?? [];
  const total = await totalCard(levels, model, signal);
  const browse = h("section.card", { "aria-label": t("home.browse") }, h("h2", {}, t("home.browse")), levels.length > 1 ? levelLinks(levels) : storeLinks(stores));
  return {
    title: "",
    content: [
      h("h1", { tabindex: "-1" }, t("home.title", { dataset: model.dataset })),
      h("p.soft", {}, t("home.what", { series: count(model.series), stores: count(stores.length) })),
      total && h("h2", {}, levelName("total")), ...(total?.content ?? []), browse,
    ],
    start: () => total?.start(),
    done: () => total?.done(),
  };
}
