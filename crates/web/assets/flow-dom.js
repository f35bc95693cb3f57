// Gatehouse: the few things the flow editor needs to make parts of a page. No markup is ever parsed from text.

const SVG = "http://www.w3.org/2000/svg";

// An element with properties (class, text, on…; everything else is an attribute) and children.
export function el(tag, properties = {}, ...children) {
  return filled(document.createElement(tag), properties, children);
}

export function svg(tag, properties = {}, ...children) {
  return filled(document.createElementNS(SVG, tag), properties, children);
}

function filled(element, properties, children) {
  for (const [name, value] of Object.entries(properties)) {
    if (value === undefined || value === null || value === false) continue;
    if (name === "text") element.textContent = value;
    else if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "value") element.value = value;
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

// A drawing of 16 by 16 in the manner of the console's icons.
export function icon(path, name = "icon") {
  return svg("svg", { class: name, viewBox: "0 0 16 16", "aria-hidden": "true", focusable: "false" }, svg("path", { d: path }));
}

export const ICONS = {
  plus: "M8 3v10M3 8h10",
  cross: "m4 4 8 8m0-8-8 8",
  warn: "M8 2.2 14.4 13.5H1.6ZM8 6.5v3.2m0 1.6v.4",
  check: "m3 8.5 3.2 3.2L13 4.8",
  undo: "M6 3 2.8 6.2 6 9.4M3 6.2h6.2a3.6 3.6 0 0 1 0 7.2H6",
  redo: "m10 3 3.2 3.2L10 9.4M13 6.2H6.8a3.6 3.6 0 0 0 0 7.2H10",
  link: "M3.5 3.5v4a3 3 0 0 0 3 3h6M9.5 7.5l3 3-3 3",
  edit: "M3 13l.7-3L10.8 2.9l2.3 2.3L6 12.3Z",
  trash: "M3 4.5h10M6.5 4.5v-2h3v2M4.5 4.5l.6 9h5.8l.6-9",
  less: "M3 8h10",
  braces: "M6 2.5c-1.6 0-2 .8-2 2v1.7c0 1-.5 1.8-1.5 1.8 1 0 1.5.8 1.5 1.8v1.7c0 1.2.4 2 2 2M10 2.5c1.6 0 2 .8 2 2v1.7c0 1 .5 1.8 1.5 1.8-1 0-1.5.8-1.5 1.8v1.7c0 1.2-.4 2-2 2",
};

// A button that shows its words; `icon` stands before them.
export function button(words, onclick, { tone = "", drawing = null, ...rest } = {}) {
  const image = drawing && icon(drawing);
  return el("button", { type: "button", class: `button ${tone}`.trim(), onclick, ...rest }, image, el("span", { text: words }));
}

let dialogs = 0;

// A dialog in the console's manner; it is gone when it closes. `fill` gets the form's body and a function that closes.
export function dialog(heading, fill, { wide = false, onclose = () => {} } = {}) {
  dialogs += 1;
  const title = el("h2", { id: `flow-dialog-${dialogs}`, text: heading });
  const body = el("div", { class: "flow-dialog-body" });
  const box = el("dialog", { class: `flow-dialog${wide ? " wide" : ""}`, "aria-labelledby": title.id }, title, body);
  const before = document.activeElement;
  const close = (result) => { box.returnValue = ""; box.result = result; box.close(); };
  box.addEventListener("close", () => {
    box.remove();
    if (before?.isConnected) before.focus();
    onclose(box.result);
  });
  box.addEventListener("keydown", (event) => event.stopPropagation());
  document.body.append(box);
  fill(body, close);
  box.showModal();
  (body.querySelector("[autofocus]") ?? body.querySelector("input, select, textarea, button"))?.focus();
  return box;
}
