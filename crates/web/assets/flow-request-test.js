// Gatehouse: trying a request out while it is built. Values of earlier steps are not there yet: samples stand for them.

import { button, el } from "./flow-dom.js";
import { ask } from "./flow-server.js";
import { parsed, spokenOf } from "./flow-values.js";

export function responseTab(builder, form) {
  const now = form.value("/request") ?? {};
  const address = builder.outer.addresses.test;
  const samples = (builder.outer.samples ??= new Map());
  const spoken = spokenOf(now);
  const out = el("div", { class: "flow-response", role: "status" });
  const send = button("Test", async () => {
    send.disabled = true;
    out.replaceChildren(el("p", { class: "hint", text: "Sending…" }));
    const { input = {}, steps = {} } = values(samples, spoken);
    const answer = await ask(address, { request: form.value("/request"), input, steps });
    send.disabled = false;
    out.replaceChildren(...told(answer));
  }, { tone: "primary" });
  const inputs = spoken.map((reference, place) => {
    const id = `flow-sample-${place}`;
    const input = el("input", { id, type: "text", class: "mono", autocomplete: "off", value: samples.get(reference) ?? "", oninput: () => samples.set(reference, input.value) });
    return el("div", { class: "field" }, el("label", { for: id, class: "mono", text: reference }), input);
  });
  return [
    inputs.length ? el("fieldset", { class: "flow-samples" }, el("legend", { text: "Sample values" }), ...inputs) : null,
    el("p", { class: "hint", text: "The request is really sent." }),
    el("div", { class: "actions" }, send), out,
  ].filter(Boolean);
}

// `steps.a.output.b` as objects in each other.
function values(samples, spoken) {
  const root = {};
  for (const reference of spoken) {
    const parts = reference.replace(/^context\./, "").replace(/\["([^"]*)"\]|\[(\d+)\]/g, ".$1$2").split(".");
    let at = root;
    parts.forEach((part, place) => {
      if (place === parts.length - 1) at[part] = parsed(samples.get(reference) ?? "");
      else if (at[part] === null || typeof at[part] !== "object") at = at[part] = /^\d+$/.test(parts[place + 1]) ? [] : {};
      else at = at[part];
    });
  }
  return root;
}

function told(answer) {
  if (answer.error) return [el("div", { class: "notice bad" }, el("p", { text: answer.error }))];
  const good = answer.status >= 200 && answer.status < 400;
  const headers = Object.entries(answer.headers ?? {}).map(([name, value]) => `${name}: ${value}`).join("\n");
  const body = typeof answer.body === "string" ? answer.body : JSON.stringify(answer.body, null, 2);
  return [
    el("p", { class: "actions" }, el("span", { class: `badge ${good ? "good" : "bad"}`, text: String(answer.status) }),
      answer.durationMs === undefined ? null : el("span", { class: "muted", text: `${answer.durationMs} ms` })),
    headers ? el("details", {}, el("summary", { text: "Headers" }), block(headers, "Headers of the answer")) : null,
    block(body || "(empty)", "Body of the answer"),
  ].filter(Boolean);
}

function block(text, label) {
  return el("pre", { class: "code", tabindex: "0", role: "region", "aria-label": label, text });
}
