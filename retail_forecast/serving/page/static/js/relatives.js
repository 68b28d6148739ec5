// What a group is part of and what it divides into, read off the columns of the levels.

import { get, levelPath } from "./api.js";
import { h } from "./dom.js";
import { t } from "./i18n.js";
import { groupName, groupView, levelName, SERIES_LEVEL } from "./names.js";
import { address } from "./router.js";
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
  const query = `limit=${MOST_GROUPS}&at=${encodeURIComponent(below.level)}`;
  return (await get(`v1/members/${levelPath(level, group)}?${query}`, { signal })).groups;
}

function listOf(below, groups) {
  const links = groups.map((group) => h("li", {}, h("a", { href: address(groupView(below, group)) }, groupName(below, group))));
  return h("section.stack", {}, h("h3", {}, levelName(below)), h("ul.names", {}, links));
}

/** The series of the group, as a list that grows. */
async function seriesBelow(level, group, signal) {
  const load = async (after) => {
    const query = `limit=${AT_ONCE}&after=${encodeURIComponent(after)}`;
    const page = await get(`v1/members/${levelPath(level, group)}?${query}`, { signal });
    return { names: page.groups, next: page.next };
  };
  const list = await growingList(load, (one) => ({ to: groupView(SERIES_LEVEL, one), words: groupName(SERIES_LEVEL, one) }));
  return h("section.stack", {}, h("h3", {}, levelName(SERIES_LEVEL)), list);
}

/** The groups and series that this one divides into, level by level. */
export async function listBelow(level, group, levels, signal) {
  const below = levels.filter((one) => one.groups <= MOST_GROUPS && one.within.includes(level) && one.level !== SERIES_LEVEL);
  const found = await Promise.all(below.map(async (one) => listOf(one.level, await groupsBelow(one, level, group, signal))));
  return h("section.stack", {}, found, await seriesBelow(level, group, signal));
}
