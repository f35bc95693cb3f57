// Gatehouse: the definition as text beside the drawing.

import { drawable } from "./flow-model.js";

export const written = (definition) => JSON.stringify(definition, null, 2);

// Reads what was typed: `{definition}`, or `{problem}` when it cannot be drawn.
export function read(text) {
  let definition;
  try {
    definition = JSON.parse(text);
  } catch (failure) {
    return { problem: `The JSON cannot be read${where(text, failure.message)}.` };
  }
  if (!drawable(definition)) return { problem: "A flow is an object with the lists “nodes” and “edges”; a loop has a “body” with the same." };
  return { definition };
}

function where(text, message) {
  if (/end of/.test(message)) return ": it ends too early";
  const position = message.match(/position (\d+)/)?.[1];
  const line = message.match(/line (\d+)/)?.[1] ?? (position && text.slice(0, Number(position)).split("\n").length);
  return line ? ` in line ${line}` : "";
}

// Where a place of the definition stands in its text, as `written` writes it: [from, to].
function range(definition, pointer) {
  const marked = "\u0001";
  const parts = pointer.split("/").slice(1).map((part) => part.replaceAll("~1", "/").replaceAll("~0", "~"));
  const mark = (value, depth) => {
    if (depth === parts.length) return marked;
    const copy = Array.isArray(value) ? [...value] : { ...value };
    copy[parts[depth]] = mark(value?.[parts[depth]], depth + 1);
    return copy;
  };
  const from = written(mark(definition, 0)).indexOf(JSON.stringify(marked));
  const inner = parts.reduce((value, part) => value?.[part], definition);
  if (from < 0 || inner === undefined) return null;
  const indent = "  ".repeat(parts.length);
  return [from, from + JSON.stringify(inner, null, 2).replaceAll("\n", `\n${indent}`).length];
}

// Selects a place of the definition in its text.
export function reveal(area, definition, pointer) {
  const at = range(definition, pointer);
  if (!at) return;
  area.focus();
  area.setSelectionRange(...at);
  const line = area.value.slice(0, at[0]).split("\n").length;
  area.scrollTop = Math.max(0, line - 3) * parseFloat(getComputedStyle(area).lineHeight);
}
