// Gatehouse: what a definition was and will be again: undo and redo.

const KEPT = 200;

export class History {
  constructor(now) {
    this.now = now;
    this.past = [];
    this.future = [];
  }

  // Changes of one group in a row are one step back.
  change(next, group = null) {
    if (group === null || group !== this.group) {
      this.past.push(this.now);
      if (this.past.length > KEPT) this.past.shift();
    }
    this.group = group;
    this.future = [];
    this.now = next;
  }

  settle() {
    this.group = null;
  }

  undo() {
    return this.move(this.past, this.future);
  }

  redo() {
    return this.move(this.future, this.past);
  }

  move(from, to) {
    if (!from.length) return false;
    to.push(this.now);
    this.now = from.pop();
    this.group = null;
    return true;
  }
}
