// Elements are made here and nowhere else; whatever comes from the server enters as text, never as markup.

const SVG = "http://www.w3.org/2000/svg";

function make(spec, namespace) {
  const [, tag, id, classes] = /^([a-z0-9]+)(?:#([\w-]+))?((?:\.[\w-]+)*)$/.exec(spec);
  const element = namespace ? document.createElementNS(namespace, tag) : document.createElement(tag);
  if (id) element.id = id;
  if (classes) element.setAttribute("class", classes.slice(1).replaceAll(".", " "));
  return element;
}

function set(element, name, value) {
  if (value === undefined || value === null || value === false) return;
  if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
  else if (name === "value" || name === "checked") element[name] = value;
  else element.setAttribute(name, value === true ? "" : value);
}

/** An element such as h("div.card", { onclick }, child, "text"); children that are null or false are left out. */
export function h(spec, properties = {}, ...children) {
  const element = make(spec);
  for (const [name, value] of Object.entries(properties)) set(element, name, value);
  element.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

/** The same for SVG. */
export function svg(spec, properties = {}, ...children) {
  const element = make(spec, SVG);
  for (const [name, value] of Object.entries(properties)) set(element, name, value);
  element.append(...children);
  return element;
}

/** Puts these children in the place of what was there. */
export function fill(element, ...children) {
  element.replaceChildren(...children.flat(Infinity).filter(Boolean));
  return element;
}

/** `work` once, after `milliseconds` without another call. */
export function debounce(work, milliseconds) {
  let timer;
  return (...given) => {
    clearTimeout(timer);
    timer = setTimeout(() => work(...given), milliseconds);
  };
}

let last = 0;

/** An id that no other element has. */
export const freshId = (name) => `${name}-${(last += 1)}`;
