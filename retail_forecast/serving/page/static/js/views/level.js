// The groups of one level of the hierarchy.

import { get, levelPath } from "../api.js";
import { h } from "../dom.js";
import { t } from "../i18n.js";
import { groupName, groupView, levelName } from "../names.js";
import { growingList } from "./store.js";

const AT_ONCE = 300;

export async function levelView({ query, signal }) {
  const level = query.level.replaceAll(":", "/");
  const load = async (after) => {
    const page = await get(`v1/levels/${levelPath(level)}?limit=${AT_ONCE}&after=${encodeURIComponent(after)}`, { signal });
    return { names: page.groups, next: page.next };
  };
  const list = await growingList(load, (group) => ({ to: groupView(level, group), words: groupName(level, group) }));
  return {
    title: levelName(level),
    content: [
      h("nav", { "aria-label": t("trail.label") }, h("ul.trail", {}, h("li", {}, h("a", { href: "./" }, t("trail.home"))))),
      h("h1", { tabindex: "-1" }, levelName(level)), h("p.soft", {}, t("level.groups")), list,
    ],
  };
}
