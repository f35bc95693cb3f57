// Gatehouse: the editor of flows. <flow-editor data-check data-curl data-test data-profiles data-connectors data-scripts>
// around a form with <textarea name="definition">: without scripts the text and its button remain.

import { addDialog, connectDialog, wayTo } from "./flow-actions.js";
import { check } from "./flow-check.js";
import { Sheet } from "./flow-draw.js";
import { draggable } from "./flow-drag.js";
import { frame } from "./flow-frame.js";
import { History } from "./flow-history.js";
import { addAfter, addFirst, connect, EMPTY, get, graphOf, remove, set, stepAt, steps } from "./flow-model.js";
import { flowForm, stepForm } from "./flow-panel.js";
import { counted, headline, lacking, Problems } from "./flow-problems.js";
import { Judge } from "./flow-server.js";
import { read, reveal, written } from "./flow-text.js";
import { pressed } from "./flow-keys.js";

// A flow is first shown whole, if its words can still be read then.
const READABLE = 0.75;

customElements.define("flow-editor", class extends HTMLElement {
  connectedCallback() {
    this.form = this.querySelector("form");
    this.text = this.form?.querySelector('textarea[name="definition"]');
    if (!this.text || this.ready) return;
    this.ready = true;
    this.opened = new Set();
    this.watchers = new Set();
    const list = (name) => JSON.parse(this.dataset[name] || "[]");
    this.catalogues = { profiles: list("profiles"), connectors: list("connectors"), scripts: list("scripts") };
    this.addresses = { check: this.dataset.check, curl: this.dataset.curl, test: this.dataset.test };
    this.begin();
  }

  begin() {
    const begun = this.text.value.trim() === "" ? { definition: EMPTY } : read(this.text.value);
    this.history = new History(begun.definition ?? EMPTY);
    this.saved = this.text.value;
    this.selected = "/nodes/0";
    this.sheet = new Sheet({
      select: (path) => this.select(path),
      open: (path) => { this.select(path); this.edit(); },
      between: (line) => this.add(this.pathOf(line.graph, line.edge.from), { edge: line.place }),
      first: (graph) => this.add(null, null, graph),
    });
    draggable(this.sheet, (from, to) => this.link(from, to));
    this.problemList = new Problems((problem) => this.go(problem));
    this.parts = frame(this, this.sheet, this.problemList);
    this.judge = new Judge(this.addresses.check, (answer) => this.judged(answer));
    this.listen();
    if (begun.problem) this.broken(begun.problem);
    else {
      if (this.text.value.trim() === "") this.text.value = written(this.definition);
      this.show();
      this.sheet.fit(this.parts.canvas, READABLE);
    }
  }

  get definition() { return this.history.now; }
  get problems() { return this.found ?? []; }
  value(pointer) { return get(this.definition, pointer); }

  listen() {
    this.text.addEventListener("input", () => this.typed());
    this.parts.canvas.addEventListener("keydown", (event) => pressed(this, event));
    this.parts.step.addEventListener("focusout", () => this.history.settle());
    this.parts.step.addEventListener("keydown", (event) => {
      if (event.key === "Escape") this.sheet.focus(this.selected);
    });
    this.form.addEventListener("submit", () => { this.leaving = true; });
    addEventListener("beforeunload", (event) => {
      if (!this.leaving && this.text.value !== this.saved) event.preventDefault();
    });
  }

  // ---- changes ----

  change(pointer, value, group = pointer) {
    this.history.change(set(this.definition, pointer, value), group);
    this.text.value = written(this.definition);
    this.draw();
  }

  replace(next, say, focus) {
    this.history.change(next);
    this.text.value = written(next);
    this.show(focus);
    this.say(say);
  }

  undo() { this.turn(this.history.undo(), "Undone."); }
  redo() { this.turn(this.history.redo(), "Done again."); }
  turn(moved, say) {
    if (!moved) return;
    if (!get(this.definition, this.selected)) this.selected = "/nodes/0";
    this.text.value = written(this.definition);
    this.parts.mend();
    this.show();
    this.say(say);
  }

  typed() {
    const found = read(this.text.value);
    if (found.problem) {
      this.broken(found.problem);
      return;
    }
    this.parts.mend();
    this.history.change(found.definition, "text");
    if (!get(found.definition, this.selected)) this.selected = "/nodes/0";
    this.show();
  }

  // The drawing rests while the text cannot be read.
  broken(problem) {
    this.judge.stop();
    this.parts.breakOff(problem, () => {
      this.text.value = written(this.definition);
      this.parts.mend();
      this.show();
    });
    this.say(problem);
  }

  add(path, where = null, graph = path && graphOf(path)) {
    addDialog(this.definition, path, { inBody: graph !== "", where }, ({ kind, where: chosen }) => {
      const [next, at] = path ? addAfter(this.definition, path, kind, chosen) : addFirst(this.definition, graph, kind);
      this.selected = at;
      this.replace(next, `${get(next, at).id} was added${path ? ` after ${get(next, path).id}` : ""}.`);
      this.sheet.focus(at);
    });
  }

  connect() {
    const path = this.selected;
    const { id } = get(this.definition, path);
    connectDialog(this.definition, path, ({ to, when }) => this.replace(connect(this.definition, path, to, when), `${id} leads to ${to}.`));
  }

  link(from, to) {
    const [{ id }, target] = [get(this.definition, from), get(this.definition, to)];
    const when = wayTo(this.definition, from, to);
    if (!when) {
      this.say(`${id} cannot lead to ${target.id}.`);
      return;
    }
    this.selected = from;
    this.replace(connect(this.definition, from, target.id, when), `${id} leads to ${target.id}.`);
  }

  remove() {
    const node = get(this.definition, this.selected);
    if (!node || !this.removable(node)) return;
    const [next, at] = remove(this.definition, this.selected);
    this.selected = at;
    this.replace(next, `${node.id} was taken away. Undo brings it back.`);
    this.sheet.focus(at);
  }

  removable(node) {
    return node?.kind !== "start" || this.definition.nodes.filter((one) => one.kind === "start").length > 1;
  }

  // ---- what is seen ----

  select(path) {
    this.selected = path;
    this.parts.open("Step");
    this.show();
  }

  walkTo(path) {
    this.selected = path;
    this.show();
    this.sheet.focus(path);
  }

  show(focus) {
    this.rebuild(focus);
    this.draw();
  }

  rebuild(focus) {
    const { step, flow } = this.parts;
    this.stepForm = stepForm(this, this.selected, step);
    flowForm(this, flow);
    this.stepForm.show(this.problems);
    if (focus) this.focusField(step.querySelector(`[data-at="${CSS.escape(focus)}"]`));
  }

  focusField(control) {
    for (let at = control?.parentElement; at && at !== this; at = at.parentElement) if (at.localName === "details") at.open = true;
    control?.focus();
  }

  draw() {
    this.found = check(this.definition);
    this.told(false);
    this.judge.ask(this.definition);
    const node = get(this.definition, this.selected);
    this.parts.enable({ undo: this.history.past.length, redo: this.history.future.length, remove: this.removable(node), after: node && node.kind !== "end" });
  }

  judged(answer) {
    if (answer) this.found = [...answer.problems, ...lacking(answer.missing ?? [], this.definition)];
    this.told(answer !== null);
  }

  told(judged) {
    this.sheet.draw(this.definition, { selected: this.selected, catalogues: this.catalogues, problemsOf: counted(this.problems, this.definition) });
    this.problemList.show(this.problems, this.definition, judged);
    this.stepForm?.show(this.problems);
    for (const watcher of this.watchers) watcher(this.problems);
    const words = headline(this.problems, judged);
    if (this.words !== undefined && words !== this.words && (judged || !this.addresses.check)) this.say(words);
    this.words = words;
  }

  watch(watcher) {
    this.watchers.add(watcher);
    return () => this.watchers.delete(watcher);
  }

  go(problem) {
    const path = stepAt(this.definition, problem.path);
    if (path !== undefined) this.selected = path;
    this.parts.open("Step");
    this.show();
    const fields = this.stepForm.fields.filter(({ pointer }) => pointer !== path && (problem.path === pointer || problem.path.startsWith(`${pointer}/`)));
    const field = fields.sort((one, other) => other.pointer.length - one.pointer.length)[0];
    if (field) this.focusField(field.control);
    else this.sheet.focus(this.selected);
  }

  edit() {
    this.parts.open("Step");
    this.parts.step.querySelector("input, textarea, select")?.focus();
  }

  inText() { reveal(this.text, this.definition, this.selected); }

  pathOf(graph, id) {
    return steps(this.definition).find(({ path, node }) => graphOf(path) === graph && node.id === id)?.path;
  }

  say(words) {
    if (words) this.parts.say(words);
  }
});

