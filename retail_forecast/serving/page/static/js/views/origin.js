// Where the numbers come from: vintage, model, cutoff, and every input file with its hash.

import { get } from "../api.js";
import { h } from "../dom.js";
import { count, day, moment, t } from "../i18n.js";
import { tableName } from "../names.js";

const AT_ONCE = 100;

function facts(lineage) {
  const entries = [
    [t("origin.vintage"), h("code", {}, lineage.vintage)],
    [t("origin.cutoff"), day(lineage.cutoff)],
    [t("origin.created"), moment(lineage.created_at)],
    [t("origin.model"), lineage.model_version],
    lineage.model.model_package && [t("origin.package"), h("code", {}, lineage.model.model_package)],
    lineage.model.training_job && [t("origin.job"), h("code", {}, lineage.model.training_job)],
    [t("origin.dataset"), lineage.dataset],
    [t("origin.code"), h("code", {}, lineage.code_version)],
    [t("origin.fingerprint"), h("code", {}, lineage.fingerprint)],
  ];
  return h("dl.plain", {}, entries.filter(Boolean).map(([term, value]) => [h("dt", {}, term), h("dd", {}, value)]));
}

const fileRow = (file) =>
  h("tr", {}, h("th", { scope: "row" }, h("code", {}, file.object)), h("td.number", {}, count(file.rows)), h("td", {}, h("code", {}, file.sha256)));

/** The files of one table, the newest first, some at a time. */
function fileList(name, files) {
  const newest = files.toReversed();
  const body = h("tbody", {}, newest.slice(0, AT_ONCE).map(fileRow));
  let shown = AT_ONCE;
  const more = h("button", { type: "button", hidden: newest.length <= shown, onclick: () => {
    body.append(...newest.slice(shown, shown + AT_ONCE).map(fileRow));
    shown += AT_ONCE;
    more.hidden = shown >= newest.length;
  } }, t("list.more"));
  const heads = [["origin.file", ""], ["origin.rows", ".number"], ["origin.sha256", ""]];
  const table = h("table", {}, h("caption", {}, t("origin.files_of", { table: tableName(name), files: count(files.length) })),
    h("thead", {}, h("tr", {}, heads.map(([key, kind]) => h(`th${kind}`, { scope: "col" }, t(key))))), body);
  const rows = files.reduce((sum, file) => sum + (file.rows ?? 0), 0);
  return h("details.card", {}, h("summary", {}, tableName(name), " ", h("span.badge", {}, t("origin.summary", { files: count(files.length), rows: count(rows) }))),
    h("div.wide", { tabindex: "0", role: "region", "aria-label": tableName(name) }, table), more);
}

export async function originView({ query, model, signal }) {
  const lineage = await get(`v1/lineage/${encodeURIComponent(query.vintage ?? model.vintage)}`, { signal });
  const lists = Object.entries(lineage.inputs).map(([name, files]) => fileList(name, files));
  return {
    title: t("origin.title"),
    content: [
      h("h1", { tabindex: "-1" }, t("origin.title")), h("p.soft", {}, t("origin.why")),
      h("section.card", { "aria-label": t("origin.title") }, facts(lineage)), h("h2", {}, t("origin.inputs")), ...lists,
    ],
  };
}
