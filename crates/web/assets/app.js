// Gatehouse: what makes pages smooth. Every page works without it.
"use strict";

// <copy-field><input readonly><button hidden>Copy</button></copy-field>
customElements.define("copy-field", class extends HTMLElement {
  connectedCallback() {
    const [input, button] = [this.querySelector("input, textarea"), this.querySelector("button")];
    if (!input || !button || this.ready) return;
    this.ready = true;
    button.hidden = false;
    const words = button.querySelector("span") ?? button;
    const before = words.textContent;
    input.addEventListener("focus", () => input.select());
    button.addEventListener("click", async () => {
      words.textContent = (await copied(input)) ? "Copied" : "Press Ctrl+C";
      announce(words.textContent);
      setTimeout(() => { words.textContent = before; }, 2000);
    });
  }
});

// <copy-and-follow data-from="id"><a href="…" data-words="Copy and Close">Close</a></copy-and-follow>
customElements.define("copy-and-follow", class extends HTMLElement {
  connectedCallback() {
    const link = this.querySelector("a");
    const input = document.getElementById(this.dataset.from);
    if (!link || !input || this.ready) return;
    this.ready = true;
    link.textContent = link.dataset.words;
    link.addEventListener("click", async (event) => {
      event.preventDefault();
      if (await copied(input)) announce("Copied");
      location.assign(link.href);
    });
  }
});

// The clipboard needs https or loopback; elsewhere the text is selected for the person's own Ctrl+C.
async function copied(input) {
  try {
    await navigator.clipboard.writeText(input.value);
    return true;
  } catch {
    input.focus();
    input.select();
    return false;
  }
}

// Says something to screen readers.
function announce(text) {
  let region = document.getElementById("announcer");
  if (!region) {
    region = document.createElement("div");
    region.id = "announcer";
    region.className = "sr-only";
    region.setAttribute("role", "status");
    (document.querySelector("main") ?? document.body).append(region);
  }
  region.textContent = "";
  setTimeout(() => { region.textContent = text; }, 50);
}

// <confirm-dialog><a href="/confirmation-page">…</a><dialog>…<button data-close></dialog></confirm-dialog>
customElements.define("confirm-dialog", class extends HTMLElement {
  connectedCallback() {
    const [opener, dialog] = [this.querySelector("a"), this.querySelector("dialog")];
    if (!opener || !dialog || this.ready) return;
    this.ready = true;
    opener.setAttribute("role", "button");
    opener.setAttribute("aria-haspopup", "dialog");
    const open = (event) => { event.preventDefault(); dialog.showModal(); };
    opener.addEventListener("click", open);
    opener.addEventListener("keydown", (event) => { if (event.key === " ") open(event); });
    dialog.addEventListener("click", (event) => {
      if (event.target === dialog || event.target.closest("[data-close]")) dialog.close();
    });
  }
});

// <auto-submit><form>…</form></auto-submit>: goes on by itself, once.
customElements.define("auto-submit", class extends HTMLElement {
  connectedCallback() {
    const form = this.querySelector("form");
    if (!form || this.ready) return;
    this.ready = true;
    form.submit();
  }
});

// <repeat-rows max="2"><div data-rows><div class="row">…</div></div><button data-add hidden></repeat-rows>
customElements.define("repeat-rows", class extends HTMLElement {
  connectedCallback() {
    this.rows = this.querySelector("[data-rows]");
    this.adder = this.querySelector("[data-add]");
    if (!this.rows || !this.adder || this.ready || !this.rows.children.length) return;
    this.ready = true;
    this.max = Number(this.getAttribute("max")) || 20;
    this.blank = emptied(this.rows.lastElementChild.cloneNode(true));
    // the spare row serves those without JavaScript; here "Add another" takes its place
    const spare = this.rows.querySelector("[data-spare]");
    if (spare && this.rows.children.length > 1) spare.remove();
    // without JavaScript these buttons may send the form
    this.adder.addEventListener("click", (event) => {
      event.preventDefault();
      this.add();
    });
    this.rows.addEventListener("click", (event) => {
      const remover = event.target.closest("[data-remove]");
      if (!remover) return;
      event.preventDefault();
      this.remove(remover.closest(".row"));
    });
    this.settle();
  }

  add() {
    const row = emptied(this.blank.cloneNode(true));
    this.rows.append(row);
    this.settle();
    control(row).focus();
  }

  remove(row) {
    if (this.rows.children.length === 1) {
      emptied(row);
    } else {
      row.remove();
    }
    this.settle();
    this.adder.hidden ? control(this.rows.lastElementChild).focus() : this.adder.focus();
  }

  settle() {
    const rows = [...this.rows.children];
    rows.forEach((row, at) => {
      let name = "";
      for (const field of [...controls(row)].reverse()) {
        name = (field.getAttribute("aria-label") ?? "").replace(/\s*\d+$/, "");
        field.setAttribute("aria-label", `${name} ${at + 1}`);
      }
      const remover = row.querySelector("[data-remove]");
      if (!remover) return;
      remover.hidden = false;
      remover.querySelector(".sr-only").textContent = ` ${name} ${at + 1}`;
    });
    this.adder.hidden = rows.length >= this.max;
  }
});

function controls(row) {
  return row.querySelectorAll("input, textarea, select");
}

function control(row) {
  return controls(row)[0];
}

function emptied(row) {
  row.removeAttribute("data-spare");
  for (const field of controls(row)) {
    if (field.matches("select")) field.selectedIndex = 0;
    else field.value = "";
    for (const name of ["value", "id", "aria-invalid", "aria-describedby"]) field.removeAttribute(name);
  }
  for (const part of row.querySelectorAll(".error, dl, confirm-dialog")) part.remove();
  return row;
}

// <text-file><textarea>…<div data-file hidden><input type="file"></div></text-file>: the text of a file goes into the field.
customElements.define("text-file", class extends HTMLElement {
  connectedCallback() {
    const [text, part] = [this.querySelector("textarea"), this.querySelector("[data-file]")];
    const file = part?.querySelector("input");
    if (!text || !file || this.ready) return;
    this.ready = true;
    part.hidden = false;
    file.addEventListener("change", async () => {
      if (!file.files.length) return;
      text.value = await file.files[0].text();
      announce(`${file.files[0].name} was read.`);
    });
  }
});

// <form-refresh on="names of selects"><form>…<button formaction="/same-page" data-refresh></form></form-refresh>:
// a choice there fetches the form anew, with what was typed, in place of the button.
customElements.define("form-refresh", class extends HTMLElement {
  connectedCallback() {
    if (this.ready) return;
    this.ready = true;
    this.settle();
    const names = (this.getAttribute("on") ?? "").split(" ");
    this.addEventListener("change", (event) => {
      if (names.includes(event.target.name)) this.refresh(event.target.id);
    });
  }

  settle() {
    for (const button of this.querySelectorAll("[data-refresh]")) button.hidden = true;
  }

  async refresh(id) {
    this.asked?.abort();
    const asked = this.asked = new AbortController();
    const form = this.querySelector("form");
    const button = form.querySelector("[data-refresh]");
    try {
      const body = new URLSearchParams(new FormData(form));
      const headers = { Accept: "text/html" };
      const answer = await fetch(button.formAction, { method: "POST", body, headers, signal: asked.signal });
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      if (asked.signal.aborted) return;
      this.replaceChildren(...page.querySelector("form-refresh").childNodes);
      this.settle();
      document.getElementById(id)?.focus();
    } catch {
      if (!asked.signal.aborted) form.requestSubmit(button);
    }
  }
});

// <file-export><a class="button" href="…" download>Export</a></file-export>: the file comes with its progress in sight, and a
// way to stop it. Larger pieces go to the browser's own store of files, so that memory holds little of it.
customElements.define("file-export", class extends HTMLElement {
  connectedCallback() {
    this.link = this.querySelector("a");
    if (!this.link || this.ready) return;
    this.ready = true;
    this.link.addEventListener("click", (event) => {
      if (event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
      event.preventDefault();
      if (!this.asked) this.begin();
    });
  }

  async begin() {
    const asked = this.asked = new AbortController();
    const bar = Object.assign(document.createElement("progress"), { ariaLabel: "Progress of the export" });
    const stop = Object.assign(document.createElement("button"), { type: "button", className: "button", textContent: "Cancel export" });
    stop.addEventListener("click", () => asked.abort());
    this.result?.remove();
    this.link.hidden = true;
    this.append(bar, stop);
    stop.focus();
    let said;
    try {
      const [file, name] = await this.read(asked.signal, bar);
      const saved = Object.assign(document.createElement("a"), { href: URL.createObjectURL(file), download: name });
      saved.click();
      setTimeout(() => URL.revokeObjectURL(saved.href), 60_000);
      said = "The export is complete.";
    } catch (failure) {
      said = asked.signal.aborted ? "The export was canceled." : `The export failed. ${failure.message}`;
    }
    this.asked = null;
    bar.remove();
    stop.remove();
    this.link.hidden = false;
    this.link.focus();
    this.result = Object.assign(document.createElement("span"), { className: "small muted", textContent: said });
    this.append(this.result);
    announce(said);
  }

  async read(signal, bar) {
    const answer = await fetch(this.link.href, { signal });
    if (!answer.ok) {
      const told = await answer.json().catch(() => ({}));
      throw new Error(told.error?.message ?? `The server answered ${answer.status}.`);
    }
    const length = Number(answer.headers.get("content-length"));
    const [files, reader] = [[], answer.body.getReader()];
    let [pieces, held, taken] = [[], 0, 0];
    for (;;) {
      const { done, value } = await reader.read();
      if (done) break;
      pieces.push(value);
      held += value.length;
      taken += value.length;
      if (length) bar.value = taken / length;
      if (held > 8 * 1024 * 1024) {
        files.push(new Blob(pieces));
        [pieces, held] = [[], 0];
      }
    }
    if (length && taken < length) throw new Error("The connection ended early.");
    const name = /filename="([^"]+)"/.exec(answer.headers.get("content-disposition") ?? "")?.[1] ?? "project";
    return [new Blob([...files, ...pieces]), name];
  }
});

// <menu-details><details>…</details></menu-details>: closes on Escape and on a click elsewhere.
customElements.define("menu-details", class extends HTMLElement {
  connectedCallback() {
    const details = this.querySelector("details");
    if (!details || this.ready) return;
    this.ready = true;
    this.addEventListener("keydown", (event) => {
      if (event.key !== "Escape" || !details.open) return;
      details.open = false;
      details.querySelector("summary").focus();
    });
    document.addEventListener("click", (event) => {
      if (!this.contains(event.target)) details.open = false;
    });
  }
});

// <flash-message><p>…</p><button hidden>Dismiss</button></flash-message>
customElements.define("flash-message", class extends HTMLElement {
  connectedCallback() {
    const button = this.querySelector("button");
    if (!button) return;
    button.hidden = false;
    button.addEventListener("click", () => {
      this.remove();
      document.getElementById("main")?.focus();
    });
  }
});

// What htmx sends outside a form carries the CSRF proof in a header.
document.addEventListener("htmx:config:request", (event) => {
  const proof = document.querySelector('meta[name="csrf-token"]')?.content;
  const request = event.detail?.ctx?.request;
  if (proof && request && !/^(get|head)$/i.test(request.method ?? "get")) {
    request.headers["X-CSRF-Token"] = proof;
  }
});

// Times are written in UTC; the reader's own time stands in the tooltip.
function ownTimes(root) {
  for (const time of root.querySelectorAll("time[datetime]:not([title])")) {
    const at = new Date(time.dateTime);
    if (!Number.isNaN(at.valueOf())) {
      time.title = at.toLocaleString(undefined, { dateStyle: "full", timeStyle: "long" });
    }
  }
}
document.addEventListener("DOMContentLoaded", () => ownTimes(document));
document.addEventListener("htmx:after:swap", () => ownTimes(document));
