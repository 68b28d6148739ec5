// Questions to the interface. An error arrives as a Problem, in the terms of RFC 9457.

const KEY = "retail-forecast-key";

/** What went wrong: `status` 0 means that nothing answered at all. */
export class Problem extends Error {
  constructor(status, told) {
    super(told.detail ?? told.title ?? String(status));
    this.status = status;
    this.name = (told.type ?? "").split(":").pop();
    this.detail = told.detail ?? "";
  }
}

/** Keeps the key for as long as this tab is open. */
export const keepKey = (key) => sessionStorage.setItem(KEY, key);
export const forgetKey = () => sessionStorage.removeItem(KEY);
export const hasKey = () => sessionStorage.getItem(KEY) !== null;

async function ask(path, { method = "GET", body, signal } = {}) {
  const headers = body === undefined ? {} : { "Content-Type": "application/json" };
  if (hasKey()) headers.Authorization = `Bearer ${sessionStorage.getItem(KEY)}`;
  let answer;
  try {
    answer = await fetch(path, { method, headers, body: body && JSON.stringify(body), signal });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Problem(0, {});
  }
  if (!answer.ok) throw new Problem(answer.status, await answer.json().catch(() => ({})));
  return answer;
}

export const get = async (path, options) => (await ask(path, options)).json();
export const post = async (path, body, options) => (await ask(path, { ...options, method: "POST", body })).json();

/** The answer, or null where the vintage is too old to hold it. */
export async function getIfThere(path, options) {
  try {
    return await get(path, options);
  } catch (problem) {
    if (problem.status === 404) return null;
    throw problem;
  }
}

/** A file and the name that the server gives it. */
export async function getFile(path) {
  const answer = await ask(path);
  const named = /filename="([^"]+)"/.exec(answer.headers.get("Content-Disposition") ?? "");
  return { blob: await answer.blob(), name: named ? named[1] : "" };
}

/** Of questions asked one after the other, only the last is answered; the earlier ones are given up. */
export function latest(question) {
  let running = new AbortController();
  return (...given) => {
    running.abort();
    running = new AbortController();
    return question(...given, running.signal);
  };
}

const encoded = (name) => name.split("/").map(encodeURIComponent).join("/");
export const seriesPath = (store, item) => `${encodeURIComponent(store)}/${encoded(item)}`;
export const levelPath = (level, group) => {
  const name = encodeURIComponent(level.replaceAll("/", ":"));
  return group === undefined ? name : `${name}/${encoded(group)}`;
};
