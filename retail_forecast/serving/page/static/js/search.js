// The search box: a combobox over GET /v1/search. "/" brings the focus here, arrows choose, Enter opens.

import { get, latest } from "./api.js";
import { debounce, fill, freshId, h } from "./dom.js";
import { count, t } from "./i18n.js";
import { groupName, groupView, levelName } from "./names.js";
import { address, go } from "./router.js";

const LIMIT = 20;
const find = latest((words, signal) => get(`v1/search?q=${encodeURIComponent(words)}&limit=${LIMIT}`, { signal }));

/** The name with what was typed made bold. */
function marked(name, words) {
  const place = name.toLowerCase().indexOf(words.toLowerCase());
  if (place < 0) return [name];
  const end = place + words.length;
  return [name.slice(0, place), h("mark", {}, name.slice(place, end)), name.slice(end)];
}

class Search {
  constructor() {
    this.list = h("ul", { role: "listbox", id: freshId("matches"), "aria-label": t("search.matches"), hidden: true });
    this.input = h("input", {
      type: "search", role: "combobox", "aria-expanded": "false", "aria-controls": this.list.id, "aria-autocomplete": "list",
      "aria-label": t("search.label"), placeholder: t("search.placeholder"), autocomplete: "off", spellcheck: "false", maxlength: "100",
      oninput: debounce(() => this.ask(), 120), onkeydown: (event) => this.press(event), onfocus: () => this.options.length && this.open(true),
      onblur: () => setTimeout(() => this.open(false), 150),
    });
    this.spoken = h("div.unseen", { "aria-live": "polite" });
    this.element = h("div.search", { role: "search" }, this.input, h("kbd", { "aria-hidden": "true" }, "/"), this.list, this.spoken);
    this.options = [];
    this.chosen = -1;
  }

  async ask() {
    const words = this.input.value.trim();
    if (!words) return this.show([], null);
    try {
      const { matches, total } = await find(words);
      this.show(matches.map((match) => this.option(match, words)), total);
    } catch (problem) {
      if (problem.name !== "AbortError") this.show([], null, problem.status === 401 ? t("key.title") : t("problem.other.title"));
    }
    return undefined;
  }

  option({ level, group }, words) {
    const view = groupView(level, group);
    const pick = (event) => {
      event.preventDefault();
      this.pick(view);
    };
    return h("li", { role: "option", id: freshId("match"), "aria-selected": "false", "data-to": address(view), onmousedown: pick },
      h("span", {}, marked(groupName(level, group), words)), h("small", {}, levelName(level)));
  }

  show(options, total, words) {
    this.options = options;
    const said = words ?? (total === null ? "" : total === 0 ? t("search.nothing") : t("search.found", { shown: count(options.length), total: count(total) }));
    fill(this.list, options, said && h("li.told", { role: "presentation" }, said));
    this.spoken.textContent = said;
    this.open(Boolean(said));
    this.choose(options.length ? 0 : -1);
  }

  open(wanted) {
    this.list.hidden = !wanted;
    this.input.setAttribute("aria-expanded", String(wanted && this.options.length > 0));
  }

  choose(place) {
    this.chosen = place;
    this.options.forEach((option, at) => option.setAttribute("aria-selected", String(at === place)));
    if (place < 0) return this.input.removeAttribute("aria-activedescendant");
    this.options[place].scrollIntoView({ block: "nearest" });
    return this.input.setAttribute("aria-activedescendant", this.options[place].id);
  }

  press(event) {
    const last = this.options.length - 1;
    const places = { ArrowDown: this.chosen < last ? this.chosen + 1 : 0, ArrowUp: this.chosen > 0 ? this.chosen - 1 : last };
    if (event.key in places && last >= 0) {
      event.preventDefault();
      this.open(true);
      this.choose(places[event.key]);
    } else if (event.key === "Enter" && this.chosen >= 0 && !this.list.hidden) {
      this.pick(Object.fromEntries(new URLSearchParams(this.options[this.chosen].dataset.to)));
    } else if (event.key === "Escape") this.open(false);
  }

  pick(view) {
    this.input.value = "";
    this.show([], null);
    go(view);
  }
}

/** The search box; it listens for "/" anywhere on the page. */
export function searchBox() {
  const search = new Search();
  const hear = (event) => {
    if (event.key !== "/" || event.ctrlKey || event.metaKey || event.target.closest("input, select, textarea")) return;
    event.preventDefault();
    search.input.focus();
  };
  document.addEventListener("keydown", hear);
  return { element: search.element, destroy: () => document.removeEventListener("keydown", hear) };
}
