// Gatehouse: drawing an arrow with the pointer, from a box's foot to another box. "Connect" does the same without a pointer.

import { svg } from "./flow-dom.js";

// `link(from, to)` gets the places of both boxes.
export function draggable(sheet, link) {
  const { layer } = sheet;
  let drawn = null;
  const at = ({ clientX, clientY }) => {
    const edge = layer.getBoundingClientRect();
    return [(clientX - edge.left) / sheet.zoom, (clientY - edge.top) / sheet.zoom];
  };
  const under = ({ clientX, clientY }) => document.elementFromPoint(clientX, clientY)?.closest(".flow-box");
  const mark = (box) => {
    for (const other of layer.querySelectorAll(".flow-box.target")) other.classList.remove("target");
    box?.classList.add("target");
  };

  layer.addEventListener("pointerdown", (event) => {
    const port = event.target.closest(".flow-port");
    if (!port || event.button !== 0) return;
    event.preventDefault();
    const path = svg("path", { class: "flow-line drawn" });
    sheet.lines.append(path);
    drawn = { path, begin: at(event), from: port.closest(".flow-box").dataset.path, moved: false };
    layer.setPointerCapture(event.pointerId);
  });
  layer.addEventListener("pointermove", (event) => {
    if (!drawn) return;
    const [x, y] = at(event);
    drawn.moved = true;
    drawn.path.setAttribute("d", `M${drawn.begin.join(" ")}L${x} ${y}`);
    mark(under(event));
  });
  const end = (event) => {
    if (!drawn) return;
    const { path, from, moved } = drawn;
    const to = event.type === "pointerup" ? under(event)?.dataset.path : undefined;
    path.remove();
    mark(null);
    drawn = null;
    if (moved && to !== undefined && to !== from) link(from, to);
  };
  layer.addEventListener("pointerup", end);
  layer.addEventListener("pointercancel", end);
}
