// Gatehouse: the form of each kind of step.

import { button, el, ICONS } from "./flow-dom.js";
import { cases } from "./flow-condition.js";
import { duration } from "./flow-kinds.js";
import { field, folded, pairs, remover, section, select, text, tick, value, whole } from "./flow-fields.js";
import { request } from "./flow-request.js";

const TYPES = [["string", "Text"], ["number", "Number"], ["integer", "Whole number"], ["boolean", "Yes or no"], ["json", "JSON"]];
const MODES = [
  ["", "As the connector is set"],
  ["fallback", "Fallback to connector user"],
  ["fallback_with_warning", "Fallback to connector user and generate a warning on the flow execution"],
  ["pause", "Pause flows and wait for the user to authenticate"],
  ["end_with_error", "End flow with error"],
];

// The parts that are a kind's own.
export function own(form, kind) {
  switch (kind) {
    case "start": return [inputFields(form, "/inputs", "Inputs", "input")];
    case "api": return [request(form)];
    case "function": return script(form);
    case "connector": return connector(form);
    case "condition": return [cases(form)];
    case "input": return question(form);
    case "delay": return [delay(form)];
    case "loop": return loop(form);
    case "end": return end(form);
    default: return [el("p", { class: "hint", text: "This kind of step is not known. Its JSON can be edited beside." })];
  }
}

// The parts that every kind has.
export function common(form, kind) {
  const outside = ["api", "function", "connector"].includes(kind);
  const parts = [
    text(form, { label: "Description", at: "/description", lines: 2 }),
  ];
  if (outside) {
    parts.push(
      whole(form, { label: "Time limit of one try", at: "/timeoutSeconds", min: 5, max: 180, placeholder: "60", hint: "Seconds, 5 to 180." }),
      whole(form, { label: "Retries", at: "/retry/times", min: 0, max: 5, placeholder: kind === "api" ? "2 for GET, PUT and DELETE" : "0", hint: "0 to 5. Every try carries the same idempotency key." }),
      whole(form, { label: "Pause before the first retry", at: "/retry/delaySeconds", min: 1, max: 300, placeholder: "2", hint: "Seconds; it doubles with each try." }));
  }
  if (kind !== "condition" && kind !== "delay") parts.push(lines(form, { label: "Secret parts of the output", at: "/secretPaths", hint: "JSON pointers, one a line: /body/orders/*/card. They are hidden wherever the output is shown." }));
  const filled = ["description", "timeoutSeconds", "retry", "secretPaths"].some((key) => form.value(`/${key}`) !== undefined);
  return folded(form, "/more", "More", filled, ...parts);
}

// A list of texts, one a line.
function lines(form, options) {
  const now = form.value(options.at);
  const control = el("textarea", {
    rows: 2, class: "mono", spellcheck: "false", value: Array.isArray(now) ? now.join("\n") : "",
    oninput: () => {
      const all = control.value.split("\n").map((line) => line.trim()).filter(Boolean);
      form.set(options.at, all.length ? all : undefined);
    },
  });
  return field(form, options, control);
}

function script(form) {
  const { scripts } = form.editor.catalogues;
  if (!scripts.length) {
    return [
      el("div", { class: "notice info" }, el("p", { text: "No custom scripts deployed yet." })),
      text(form, { label: "Script", at: "/scriptId", mono: true, keep: true, required: true }),
      text(form, { label: "Function", at: "/function", mono: true, keep: true, required: true }),
      pairs(form, { label: "Arguments", at: "/arguments", names: "Argument" }),
    ];
  }
  const chosen = scripts.find((one) => one.id === form.value("/scriptId"));
  const functions = (chosen?.functions ?? []).map((one) => [one.name ?? one, one.name ?? one]);
  return [
    select(form, { label: "Script", at: "/scriptId", empty: "", required: true, reshape: true, choices: [["", "Choose a script"], ...scripts.map((one) => [one.id, one.name])], unknown: missing }),
    functions.length
      ? select(form, { label: "Function", at: "/function", empty: "", required: true, choices: [["", "Choose a function"], ...functions], unknown: missing })
      : text(form, { label: "Function", at: "/function", mono: true, keep: true, required: true }),
    pairs(form, { label: "Arguments", at: "/arguments", names: "Argument" }),
  ];
}

const missing = (id) => `${id} (not found)`;

function connector(form) {
  const { connectors } = form.editor.catalogues;
  const chosen = connectors.find((one) => one.id === form.value("/connectorId"));
  const action = chosen?.actions?.find((one) => one.id === form.value("/action"));
  const known = action?.parameters ?? [];
  const parts = [
    select(form, { label: "Connector", at: "/connectorId", empty: "", required: true, reshape: true, choices: [["", connectors.length ? "Choose a connector" : "No connectors yet"], ...connectors.map((one) => [one.id, one.name])], unknown: missing }),
    chosen?.actions?.length
      ? select(form, { label: "Action", at: "/action", empty: "", required: true, reshape: true, hint: action?.description ?? "", choices: [["", "Choose an action"], ...chosen.actions.map((one) => [one.id, one.name])], unknown: missing })
      : text(form, { label: "Action", at: "/action", mono: true, keep: true, required: true }),
  ];
  for (const one of known) {
    parts.push(value(form, { label: one.label ?? one.name, at: `/parameters/${one.name}`, required: one.required, hint: one.help ?? "" }));
  }
  const others = Object.keys(form.value("/parameters") ?? {}).some((name) => !known.some((one) => one.name === name));
  if (!known.length || others) parts.push(pairs(form, { label: known.length ? "All parameters" : "Parameters", at: "/parameters", names: "Parameter" }));
  parts.push(folded(form, "/userAuthentication", "User authentication", form.value("/userAuthentication") !== undefined,
    el("p", { class: "hint", text: "A step may be stricter than its connector is set to, never laxer." }),
    tick(form, { label: "Only with the person's own authentication", at: "/userAuthentication/required" }),
    select(form, { label: "In non-interactive mode, when no user authentication is available", at: "/userAuthentication/nonInteractiveMode", choices: MODES })));
  return parts;
}

function question(form) {
  return [
    text(form, { label: "What is asked", at: "/title", lines: 2, insertable: true }),
    inputFields(form, "/fields", "Fields", "field"),
    whole(form, { label: "Waits for an answer", at: "/timeoutSeconds", min: 30, max: 86400, placeholder: "without an end", hint: "Seconds, 30 to 86400." }),
    select(form, { label: "When nobody answers in time", at: "/onTimeout", usual: "terminate", choices: [["terminate", "The step fails"], ["skip", "Goes on with the defaults"]] }),
  ];
}

function delay(form) {
  const at = "/seconds";
  const hint = el("span", {});
  const control = el("input", {
    type: "text", class: "mono", inputmode: "numeric", autocomplete: "off", value: String(form.value(at) ?? ""),
    oninput: () => { form.set(at, /^\d+$/.test(control.value) ? Number(control.value) : control.value); said(); },
  });
  const said = () => { hint.textContent = /^\d+$/.test(control.value) ? ` That is ${duration(Number(control.value))}.` : ""; };
  const built = field(form, { label: "Seconds", at, required: true, insertable: true, hint: "30 to 86400, or an expression that gives such a number." }, control);
  built.querySelector(".hint").append(hint);
  said();
  return built;
}

function loop(form) {
  return [
    value(form, { label: "List", at: "/items", keep: true, required: true, hint: "An expression that gives a list." }),
    whole(form, { label: "At most", at: "/maxItems", min: 1, max: 1000, placeholder: "100", hint: "Items, 1 to 1000. A longer list fails the loop." }),
    select(form, { label: "When an item fails", at: "/onItemError", usual: "terminate", choices: [["terminate", "The loop fails"], ["continue", "Its result is empty"], ["remove_failed", "It has no result"]] }),
    value(form, { label: "Result of an item", at: "/result", lines: 2, hint: "Without it: what the last step of the loop gave." }),
  ];
}

function end(form) {
  const fails = form.value("/outcome") === "error";
  const outcome = select(form, { label: "Outcome", at: "/outcome", usual: "success", reshape: true, choices: [["success", "Success"], ["error", "Error"]] });
  if (fails) return [outcome, text(form, { label: "Message", at: "/message", lines: 2, insertable: true }), value(form, { label: "Output", at: "/output", lines: 2 })];
  return [outcome, value(form, { label: "Output", at: "/output", lines: 4, hint: "JSON, or an expression. Empty gives nothing." })];
}

// Fields that a person fills in.
function inputFields(form, at, heading, word) {
  const all = form.value(at) ?? [];
  const box = section(heading);
  all.forEach((one, place) => {
    const here = `${at}/${place}`;
    const rest = all.filter((_, other) => other !== place);
    const card = folded(form, here, `${one.label || one.name || word} · ${(TYPES.find(([type]) => type === one.type) ?? ["", one.type])[1]}${one.required ? " · required" : ""}`, false,
      text(form, { label: "Name", at: `${here}/name`, mono: true, keep: true, required: true, hint: `In expressions: ${word === "input" ? "input" : `steps.${form.value("/id")}.output`}.${one.name ?? "name"}` }),
      text(form, { label: "Label", at: `${here}/label` }),
      select(form, { label: "Type", at: `${here}/type`, reshape: true, choices: TYPES }),
      one.type === "string" ? lines(form, { label: "Choices", at: `${here}/choices`, hint: "One a line; empty for any text." }) : null,
      value(form, { label: "Default", at: `${here}/default`, insertable: false }),
      text(form, { label: "Help", at: `${here}/help`, lines: 2 }),
      tick(form, { label: "Required", at: `${here}/required` }),
      tick(form, { label: "Secret: hidden wherever it is shown", at: `${here}/secret` }));
    box.append(el("div", { class: "flow-item" }, card, remover(`${word} ${one.name ?? place + 1}`, () => form.shape(at, rest.length || word === "field" ? rest : undefined, at))));
  });
  const add = button(`Add ${word}`, () => {
    const taken = new Set(all.map((one) => one.name));
    let name = word;
    for (let number = 2; taken.has(name); number += 1) name = `${word}${number}`;
    form.shape(at, [...all, { name, type: "string" }], `${at}/${all.length}/name`);
  }, { drawing: ICONS.plus, tone: "small" });
  add.dataset.at = form.path + at;
  box.append(add);
  return box;
}
