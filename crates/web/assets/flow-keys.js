// Gatehouse: the keys of the drawing. They count only while the drawing has the focus, and each has a button too.

import { helpDialog } from "./flow-actions.js";
import { walk } from "./flow-walk.js";

export function pressed(editor, event) {
  if (event.altKey) return;
  const doing = event.ctrlKey || event.metaKey ? chord(editor, event) : single(editor, event.key);
  if (!doing) return;
  event.preventDefault();
  doing();
}

function chord(editor, { key, shiftKey }) {
  switch (key.toLowerCase()) {
    case "z": return () => (shiftKey ? editor.redo() : editor.undo());
    case "y": return () => editor.redo();
    default: return null;
  }
}

function single(editor, key) {
  if (/^(Arrow.*|Home|End)$/.test(key)) return () => editor.walkTo(walk(editor.definition, editor.sheet.picture, editor.selected, key));
  // on the small buttons of arrows, Enter presses them
  if (key === "Enter") return document.activeElement?.dataset.path === undefined ? null : () => editor.edit();
  switch (key.length === 1 ? key.toLowerCase() : key) {
    case "a": return () => editor.parts.press("add");
    case "c": return () => editor.parts.press("connect");
    case "Delete":
    case "Backspace": return () => editor.parts.press("remove");
    case "?": return helpDialog;
    default: return null;
  }
}
