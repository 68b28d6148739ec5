// What a group is part of and what it divides into, read off the columns of the levels.

import { get, levelPath, post } from "./api.js";
import { h } from "./dom.js";
import { t } from "./i18n.js";
import { escaped, groupName, groupView, groupValues, levelName, SERIES_LEVEL } from "./names.js";
import { address } from "./router.js";
import { empty } from "./states.js";
import { growingList } from "./views/store.js";

const MOST_GROUPS = 2000;
const AT_ONCE = 300;
const columnsOf = (level) => (level === "total" ? [] : level.split("/"));
const within = (inner, outer) => inner.length < outer.length && inner.every((column) => outer.includes(column));

function valuesByColumn(level, group) {
  const values = level === "total" ? [] : group.split("/");
  return Object.fromEntries(columnsOf(level).map((column, place) => [column, values[place]]));
}

/** The groups that this one is part of, the widest first: [{ level, group }]. */
export function levelsAbove(level, group, levels) {
  const values = valuesByColumn(level, group);
  const above = levels.filter((one) => one.level !== level && within(one.keys, columnsOf(level)));
  return above.map(({ level: name, keys }) => ({ level: name, group: keys.length ? keys.map((key) => values[key]).join("/") : name }));
}

/** Links to them. */
export function trail(groups) {
  const entry = ({ level, group }) => h("li", {}, h("a", { href: address(groupView(level, group)) }, groupName(level, group)));
  const first = h("li", {}, h("a", { href: "./" }, t("trail.home")));
  return h("nav", { "aria-label": t("trail.label") }, h("ul.trail", {}, first, groups.map(entry)));
}

async function groupsBelow(below, level, group, signal) {
  const { groups } = await get(`v1/levels/${levelPath(below.level)}?limit=${MOST_GROUPS}`, { signal });
  const wanted = Object.entries(valuesByColumn(level, group));
  return groups.filter((one) => {
    const values = valuesByColumn(below.level, one);
    return wanted.every(([column, value]) => values[column] === value);
  });
}

function listOf(below, groups) {
  const links = groups.map((group) => h("li", {}, h("a", { href: address(groupView(below, group)) }, groupName(below, group))));
  return h("section.stack", {}, h("h3", {}, levelName(below)), h("ul.names", {}, links));
}

/** The items of a store, or an item in every store that has it; null for other groups. */
async function seriesBelow(level, group, signal) {
  const [value] = groupValues(group);
  if (level === "store_id") {
    const load = async (after) => {
      const page = await get(`v1/stores/${encodeURIComponent(value)}/items?limit=${AT_ONCE}&after=${encodeURIComponent(after)}`, { signal });
      return { names: page.items, next: page.next };
    };
    const list = await growingList(load, (item) => ({ to: { store: value, item }, words: item }));
    return h("section.stack", {}, h("h3", {}, t("store.items")), list);
  }
  if (level !== "item_id") return null;
  const { stores } = await get("v1/stores", { signal });
  const asked = stores.slice(0, 1000).map((store) => ({ store_id: store.store_id, item_id: value }));
  const { series } = await post("v1/forecasts", { series: asked }, { signal });
  return listOf(SERIES_LEVEL, series.map((one) => `${escaped(one.store_id)}/${escaped(one.item_id)}`));
}

/** The groups and series that this one divides into, level by level. */
export async function listBelow(level, group, levels, signal) {
  const below = levels.filter((one) => one.groups <= MOST_GROUPS && within(columnsOf(level), one.keys) && one.level !== SERIES_LEVEL);
  const found = await Promise.all(below.map(async (one) => listOf(one.level, await groupsBelow(one, level, group, signal))));
  const series = await seriesBelow(level, group, signal);
  const all = [...found, series].filter(Boolean);
  return h("section.stack", {}, all.length ? all : empty(t("below.none")));
}
