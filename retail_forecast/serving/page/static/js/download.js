// Files for a spreadsheet. They are asked for like everything else, so that a key goes with the question.

import { getFile } from "./api.js";
import { h } from "./dom.js";
import { t } from "./i18n.js";
import { problemNotice } from "./states.js";

const FORMATS = ["csv", "xlsx"];

async function save(query, format) {
  const { blob, name } = await getFile(`v1/download?${new URLSearchParams({ ...query, format })}`);
  const link = h("a", { href: URL.createObjectURL(blob), download: name || `forecasts.${format}` });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}

/** Buttons that save what `query` names. */
export function downloadButtons(query) {
  const box = h("div.row", { role: "group", "aria-label": t("download.label") });
  const press = async (event, format) => {
    const button = event.currentTarget;
    button.disabled = true;
    box.querySelector(".notice")?.remove();
    try {
      await save(query, format);
    } catch (problem) {
      if (problem.status === undefined) throw problem;
      box.append(problemNotice(problem));
    } finally {
      button.disabled = false;
    }
  };
  box.append(...FORMATS.map((format) => h("button", { type: "button", onclick: (event) => press(event, format) }, t(`download.${format}`))));
  return box;
}
