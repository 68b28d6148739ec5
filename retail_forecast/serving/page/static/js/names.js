// What columns, levels, drivers and scores are called for people; unknown ones keep their own name, made readable.

import { has, t } from "./i18n.js";

const readable = (name) => {
  const text = name.replaceAll("_", " ");
  return text.charAt(0).toUpperCase() + text.slice(1);
};
const named = (prefix, name) => (has(`${prefix}.${name}`) ? t(`${prefix}.${name}`) : readable(name));

export const SERIES_LEVEL = "store_id/item_id";
export const columnName = (column) => named("column", column);
export const driverName = (driver) => named("driver", driver);
export const modelName = (model) => named("model", model);
export const tableName = (table) => named("table", table);

/** A level by its columns: "Store × Department". */
export function levelName(level) {
  if (has(`level.${level}`)) return t(`level.${level}`);
  return level.split("/").map(columnName).join(" × ");
}

/** A value within a group's name as it is: slashes and percent signs are written %2F and %25 there. */
export const plain = (value) => value.replaceAll("%2F", "/").replaceAll("%25", "%");
export const escaped = (value) => value.replaceAll("%", "%25").replaceAll("/", "%2F");

/** The values of a group. */
export const groupValues = (group) => group.split("/").map((value) => plain(value) || t("unnamed"));

/** A group for people. */
export const groupName = (level, group) => (level === "total" ? t("level.total") : groupValues(group).join(" · "));

/** The view of a group or series. */
export function groupView(level, group) {
  if (level !== SERIES_LEVEL) return { level: level.replaceAll("/", ":"), group };
  const [store, item] = group.split("/").map(plain);
  return { store, item };
}

/** The kinds of covariates: what is marked, and how. */
export const namesOf = (kinds, ...wanted) => Object.keys(kinds).filter((name) => wanted.includes(kinds[name]));
