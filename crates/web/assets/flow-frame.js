// Gatehouse: the editor's frame: the bar of actions, the drawing, the panel with its tabs, the problems.

import { helpDialog } from "./flow-actions.js";
import { button, el, icon, ICONS } from "./flow-dom.js";

const ACTIONS = [
  { name: "add", words: "Add step", drawing: ICONS.plus, keys: "A", run: (editor) => editor.add(editor.selected) },
  { name: "connect", words: "Connect", drawing: ICONS.link, keys: "C", run: (editor) => editor.connect() },
  { name: "edit", words: "Edit", drawing: ICONS.edit, keys: "Enter", run: (editor) => editor.edit() },
  { name: "remove", words: "Delete", drawing: ICONS.trash, keys: "Delete", run: (editor) => editor.remove() },
  { name: "undo", words: "Undo", drawing: ICONS.undo, keys: "Control+Z", run: (editor) => editor.undo() },
  { name: "redo", words: "Redo", drawing: ICONS.redo, keys: "Control+Y", run: (editor) => editor.redo() },
];
const ZOOM = 1.25;

export function frame(editor, sheet, problems) {
  const buttons = Object.fromEntries(ACTIONS.map((action) => [action.name, button(action.words, () => action.run(editor), {
    drawing: action.drawing, tone: "quiet flow-act", "aria-keyshortcuts": action.keys, title: `${action.words} (${action.keys.replace("Control", "Ctrl")})`,
  })]));
  const live = el("div", { class: "sr-only", role: "status" });
  const canvas = el("div", {
    class: "flow-canvas", role: "application", "aria-roledescription": "flow", "aria-label": "Steps of the flow. Arrow keys walk, Enter edits, A adds a step.", tabindex: "-1",
  }, sheet.layer);
  const rest = el("div", { class: "flow-broken notice bad", hidden: true });
  const drawing = el("div", { class: "flow-drawing" }, rest, canvas, zoom(sheet, canvas));
  const bar = el("div", { class: "flow-bar", role: "toolbar", "aria-label": "Steps" }, ...Object.values(buttons),
    button("Keys", helpDialog, { tone: "quiet flow-act flow-help" }));
  roving(bar);
  const tabs = panel(editor);
  const work = el("div", { class: "flow-work" }, el("div", { class: "flow-main" }, bar, drawing), tabs.box);
  editor.form.before(live);
  const field = editor.text.closest(".field");
  field.before(work, problems.box);
  tabs.hold(field);
  editor.classList.add("ready");
  return {
    canvas, step: tabs.step, flow: tabs.flow, open: tabs.open,
    press: (name) => { if (!buttons[name].disabled) buttons[name].click(); },
    enable: ({ undo, redo, remove, after }) => {
      for (const [name, may] of Object.entries({ undo, redo, remove, add: after, connect: after })) buttons[name].disabled = !may;
    },
    breakOff: (problem, back) => {
      canvas.inert = bar.inert = tabs.step.inert = true;
      rest.hidden = false;
      rest.replaceChildren(icon(ICONS.warn), el("div", {}, el("p", { text: problem }), button("Back to what could be read", back, { tone: "small" })));
      tabs.open("JSON");
    },
    mend: () => {
      canvas.inert = bar.inert = tabs.step.inert = false;
      rest.hidden = true;
    },
    say: (words) => { live.textContent = ""; setTimeout(() => { live.textContent = words; }, 50); },
  };
}

function zoom(sheet, canvas) {
  const by = (factor) => () => sheet.resize(sheet.zoom * factor);
  const fit = () => sheet.fit(canvas);
  const small = (words, drawing, onclick) => el("button", { type: "button", class: "button quiet", "aria-label": words, title: words, onclick }, drawing ? icon(drawing) : el("span", { text: "Fit" }));
  return el("div", { class: "flow-zoom" }, small("Smaller", ICONS.less, by(1 / ZOOM)), small("Fit the whole flow", null, fit), small("Larger", ICONS.plus, by(ZOOM)));
}

// A toolbar is one stop of the Tab key; arrows go along it.
function roving(bar) {
  const all = () => [...bar.querySelectorAll("button")].filter((one) => !one.disabled);
  const settle = (now) => { for (const one of bar.querySelectorAll("button")) one.tabIndex = one === now ? 0 : -1; };
  settle(bar.querySelector("button"));
  bar.addEventListener("focusin", (event) => settle(event.target));
  bar.addEventListener("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    const list = all();
    list[(list.indexOf(document.activeElement) + step + list.length) % list.length]?.focus();
  });
}

function panel(editor) {
  const step = el("div", { class: "flow-form" });
  const flow = el("div", { class: "flow-form" });
  const json = el("div", { class: "flow-json" }, el("div", { class: "actions" }, button("Show the step here", () => editor.inText(), { tone: "small" })));
  const parts = { Step: step, JSON: json, Flow: flow };
  const list = el("div", { class: "flow-tabs", role: "tablist", "aria-label": "Beside the drawing" });
  const open = (name, focus = false) => {
    for (const tab of list.children) {
      const chosen = tab.textContent === name;
      tab.setAttribute("aria-selected", String(chosen));
      tab.tabIndex = chosen ? 0 : -1;
      parts[tab.textContent].hidden = !chosen;
      if (chosen && focus) tab.focus();
    }
  };
  const names = Object.keys(parts);
  for (const name of names) {
    const id = `flow-side-${name}`;
    list.append(el("button", { type: "button", role: "tab", id, "aria-controls": `${id}-panel`, text: name, onclick: () => open(name) }));
    Object.entries({ role: "tabpanel", id: `${id}-panel`, "aria-labelledby": id, tabindex: "0" }).forEach(([key, value]) => parts[name].setAttribute(key, value));
  }
  list.addEventListener("keydown", (event) => {
    const move = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!move) return;
    const now = names.findIndex((name) => !parts[name].hidden);
    open(names[(now + move + names.length) % names.length], true);
  });
  open("Step");
  return { box: el("aside", { class: "flow-panel", "aria-label": "Step and JSON" }, list, step, json, flow), step, flow, open, hold: (field) => json.prepend(field) };
}
