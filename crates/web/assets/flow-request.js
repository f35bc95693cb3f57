// Gatehouse: the request of an API step: a line that tells it, and the builder behind "Define Request".

import { button, dialog, el, ICONS } from "./flow-dom.js";
import { Form, pairs, section, select, text } from "./flow-fields.js";
import { get } from "./flow-model.js";
import { bodyTab } from "./flow-request-body.js";
import { responseTab } from "./flow-request-test.js";
import { ask } from "./flow-server.js";

const METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE"];
const HEADERS = ["Accept", "Accept-Language", "Authorization", "Content-Type", "If-Match", "If-None-Match", "User-Agent", "X-Api-Key"];

export function request(form) {
  const now = form.value("/request") ?? {};
  const defined = Boolean(now.url) && now.url !== "https://";
  const { profiles } = form.editor.catalogues;
  const profile = now.authProfileId === undefined ? "None" : profiles.find((one) => one.id === now.authProfileId)?.name ?? `${now.authProfileId} (not found)`;
  const open = button(defined ? "Edit Request" : "Define Request", () => builder(form.editor, form.path), { drawing: ICONS.edit, tone: defined ? "" : "primary" });
  open.dataset.at = `${form.path}/request`;
  const told = el("dl", { class: "facts flow-request-facts" },
    el("div", {}, el("dt", { text: "Request" }), el("dd", { class: "mono anywhere", text: defined ? `${now.method} ${now.url}` : "not defined yet" })),
    el("div", {}, el("dt", { text: "Auth profile" }), el("dd", { text: profile })),
    el("div", {}, el("dt", { text: "Headers" }), el("dd", { text: String(Object.keys(now.headers ?? {}).length || "none") })),
    el("div", {}, el("dt", { text: "Body" }), el("dd", { text: now.body?.type ?? "none" })));
  const problem = el("p", { class: "error", hidden: true });
  form.fields.push({ pointer: `${form.path}/request`, control: open, say: (message) => { problem.hidden = !message; problem.textContent = message; } });
  return section("Request", told, problem, el("div", { class: "actions" }, open));
}

// Everything is changed at once, so that the flow is judged meanwhile; Cancel brings back what was before.
function builder(editor, path) {
  const before = editor.definition;
  const inner = new Builder(editor, path);
  dialog(`Request of ${editor.value(`${path}/name`) ?? editor.value(`${path}/id`)}`, (body, close) => {
    inner.build(body, close);
  }, {
    wide: true,
    onclose: (saved) => {
      inner.stop();
      if (!saved && editor.definition !== before) editor.replace(before, "The request is as it was.");
      else editor.rebuild(`${path}/request`);
    },
  });
}

class Builder {
  constructor(editor, path) {
    this.outer = editor;
    this.path = path;
    this.tab = "Headers";
    this.opened = editor.opened;
    this.stop = editor.watch((problems) => this.form?.show(problems));
  }

  get definition() { return this.outer.definition; }
  get catalogues() { return this.outer.catalogues; }
  value(pointer) { return get(this.definition, pointer); }
  change(pointer, value) { this.outer.change(pointer, value, `${this.path}/request`); }

  build(body, close) {
    this.body = body;
    this.close = close;
    this.rebuild();
  }

  rebuild(focus) {
    const form = new Form(this, this.path);
    this.form = form;
    const now = form.value("/request") ?? {};
    if (now.method === "GET" && this.tab === "Body") this.tab = "Headers";
    this.notes ??= el("div", { class: "flow-notes", role: "status" });
    this.body.replaceChildren(
      el("div", { class: "flow-request-line" },
        select(form, { label: "Request type", at: "/request/method", choices: METHODS.map((one) => [one, one]), reshape: true }),
        this.address(form)),
      this.notes,
      select(form, { label: "Auth Profiles", at: "/request/authProfileId", choices: [["", "None"], ...this.catalogues.profiles.map((one) => [one.id, one.name])], unknown: (id) => `${id} (not found)` }),
      this.tabs(form, now),
      el("div", { class: "actions flow-dialog-foot" },
        button("Save", () => this.close(true), { tone: "primary" }),
        button("Cancel", () => this.close(), { tone: "quiet" })));
    form.show(this.outer.problems);
    if (focus) this.body.querySelector(`[data-at="${CSS.escape(focus)}"]`)?.focus();
  }

  // A whole curl command is taken apart as soon as it is pasted.
  address(form) {
    const built = text(form, { label: "URL or cURL", at: "/request/url", mono: true, keep: true, required: true, insertable: true, hint: "An address, or a whole curl command: it is taken apart." });
    const control = built.querySelector("input");
    const taken = (line) => /^\s*curl\s/.test(line) && this.outer.addresses.curl;
    control.addEventListener("paste", (event) => {
      const line = event.clipboardData?.getData("text") ?? "";
      if (!taken(line)) return;
      event.preventDefault();
      this.curl(line);
    });
    control.addEventListener("change", () => { if (taken(control.value)) this.curl(control.value); });
    return built;
  }

  async curl(line) {
    const answer = await ask(this.outer.addresses.curl, { command: line });
    this.notes.replaceChildren();
    if (answer.error) {
      this.notes.append(notice("bad", [answer.error]));
      return;
    }
    const kept = this.value(`${this.path}/request/authProfileId`);
    this.change(`${this.path}/request`, { ...tidy(answer.request), ...(kept && { authProfileId: kept }) });
    this.rebuild(`${this.path}/request/url`);
    const left = answer.warnings ?? [];
    this.notes.append(left.length ? notice("warn", left) : notice("good", ["The command was taken apart."]));
  }

  tabs(form, now) {
    const names = ["Headers", ...(now.method === "GET" ? [] : ["Body"]), ...(this.outer.addresses.test ? ["Response"] : [])];
    const list = el("div", { class: "flow-tabs", role: "tablist", "aria-label": "Parts of the request" });
    const panel = el("div", { class: "flow-tab", role: "tabpanel", id: "flow-request-panel", tabindex: "0" });
    const open = (name, focus = false) => {
      this.tab = name;
      for (const tab of list.children) {
        const chosen = tab.textContent === name;
        tab.setAttribute("aria-selected", String(chosen));
        tab.tabIndex = chosen ? 0 : -1;
        if (chosen && focus) tab.focus();
      }
      panel.setAttribute("aria-labelledby", `flow-tab-${name}`);
      panel.replaceChildren(...this.part(form, name));
      form.show(this.outer.problems);
    };
    for (const name of names) {
      list.append(el("button", { type: "button", role: "tab", id: `flow-tab-${name}`, "aria-controls": panel.id, text: name, onclick: () => open(name) }));
    }
    list.addEventListener("keydown", (event) => {
      const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
      if (step) open(names[(names.indexOf(this.tab) + step + names.length) % names.length], true);
    });
    open(names.includes(this.tab) ? this.tab : "Headers");
    return el("div", {}, list, panel);
  }

  part(form, name) {
    switch (name) {
      case "Body": return bodyTab(form);
      case "Response": return responseTab(this, form);
      default: return [pairs(form, { label: "Headers", at: "/request/headers", names: "Header", texts: true, suggestions: HEADERS })];
    }
  }
}

// Without what says nothing.
function tidy({ headers, body, ...rest }) {
  return { ...rest, ...(headers && Object.keys(headers).length && { headers }), ...(body && body.type !== "none" && { body }) };
}

export function notice(tone, lines) {
  return el("div", { class: `notice ${tone}` }, el("div", {}, ...lines.map((line) => el("p", { text: line }))));
}

