// Gatehouse: walking through a flow with the arrow keys. Down and up follow the arrows, left and right go along a row.

import { get, graphOf, loopOf } from "./flow-model.js";
import { reading } from "./flow-draw.js";

// The place a key leads to from another; the same place when there is none.
export function walk(definition, picture, from, key) {
  const boxes = picture.boxes;
  const here = boxes.find((box) => box.path === from);
  if (!here) return boxes[0]?.path;
  switch (key) {
    case "ArrowDown": return down(definition, boxes, here) ?? from;
    case "ArrowUp": return up(definition, boxes, here) ?? from;
    case "ArrowLeft": return beside(boxes, here, -1) ?? from;
    case "ArrowRight": return beside(boxes, here, 1) ?? from;
    case "Home": return reading(boxes)[0].path;
    case "End": return reading(boxes).at(-1).path;
    default: return from;
  }
}

// Into a loop first, then along the arrow that stands nearest; out of a loop at its last step.
function down(definition, boxes, here) {
  if (here.loop) {
    const inside = inner(boxes, here);
    if (inside.length) return inside[0].path;
  }
  return after(definition, boxes, here);
}

function after(definition, boxes, here) {
  const { edges } = get(definition, graphOf(here.path));
  const next = nearest(siblings(boxes, here).filter((box) => edges.some((edge) => edge.from === here.node.id && edge.to === box.node.id)), here);
  if (next) return next.path;
  const around = boxes.find((box) => box.path === loopOf(here.path));
  return around && after(definition, boxes, around);
}

function up(definition, boxes, here) {
  const { edges } = get(definition, graphOf(here.path));
  const before = nearest(siblings(boxes, here).filter((box) => edges.some((edge) => edge.to === here.node.id && edge.from === box.node.id)), here);
  return before?.path ?? (loopOf(here.path) || undefined);
}

function beside(boxes, here, direction) {
  const row = siblings(boxes, here).filter((box) => box.row === here.row && Math.sign(box.x - here.x) === direction);
  return nearest(row, here)?.path;
}

function siblings(boxes, here) {
  return boxes.filter((box) => box.path !== here.path && graphOf(box.path) === graphOf(here.path));
}

function inner(boxes, loop) {
  return reading(boxes.filter((box) => graphOf(box.path) === `${loop.path}/body`));
}

// The nearest row first, then the nearest box in it.
function nearest(boxes, here) {
  const rows = (box) => Math.abs(box.row - here.row);
  const aside = (box) => Math.abs(box.x + box.width / 2 - here.x - here.width / 2);
  return [...boxes].sort((one, other) => rows(one) - rows(other) || aside(one) - aside(other))[0];
}
