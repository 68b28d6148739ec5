// The items of one store, a page at a time.

import { get } from "../api.js";
import { h } from "../dom.js";
import { t } from "../i18n.js";
import { levelName } from "../names.js";
import { address } from "../router.js";

const AT_ONCE = 300;

/** A list of links that grows: `load(after)` answers { names, next }, `link(name)` is { to, words }. */
export async function growingList(load, link) {
  const list = h("ul.names");
  const more = h("button", { type: "button", onclick: () => grow() }, t("list.more"));
  let after = "";
  async function grow() {
    const { names, next } = await load(after);
    list.append(...names.map((name) => h("li", {}, h("a", { href: address(link(name).to) }, link(name).words))));
    after = next;
    more.hidden = !next;
  }
  await grow();
  return h("section.card", { "aria-label": t("list.label") }, list, more);
}

export async function storeView({ query: { store }, signal }) {
  const load = async (after) => {
    const page = await get(`v1/stores/${encodeURIComponent(store)}/items?limit=${AT_ONCE}&after=${encodeURIComponent(after)}`, { signal });
    return { names: page.items, next: page.next };
  };
  const list = await growingList(load, (item) => ({ to: { store, item }, words: item }));
  return {
    title: store,
    content: [
      h("nav", { "aria-label": t("trail.label") }, h("ul.trail", {}, h("li", {}, h("a", { href: "./" }, t("trail.home"))),
        h("li", {}, h("a", { href: address({ level: "store_id" }) }, levelName("store_id"))))),
      h("h1", { tabindex: "-1" }, store), h("p.soft", {}, t("store.items")), list,
    ],
  };
}
