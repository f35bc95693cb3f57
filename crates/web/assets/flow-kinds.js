// Gatehouse: the kinds of steps a flow is made of, as people read them.

export const KINDS = {
  start: { label: "Start", hint: "Where the flow begins, and what it asks for.", drawing: "M5 3.2v9.6l7.6-4.8Z", tone: "good" },
  api: { label: "API request", hint: "Sends a request to any address, with an auth profile or without.", drawing: "M2.5 8a5.5 5.5 0 1 0 11 0 5.5 5.5 0 1 0-11 0M2.5 8h11M8 2.5c3.2 3.4 3.2 7.6 0 11-3.2-3.4-3.2-7.6 0-11", tone: "info" },
  connector: { label: "Connector", hint: "Carries out an action of a connected product.", drawing: "M5.5 2.5v3m5-3v3M3.5 5.5h9v2.3a4.5 4.5 0 0 1-9 0ZM8 12.3v1.7", tone: "accent" },
  function: { label: "Function", hint: "Calls a function of a deployed script.", drawing: "M11 2.8c-2.3-.6-3 .7-3.3 2.7L6.5 12c-.3 1.5-1.1 2-2.5 1.5M4.5 6.8h6", tone: "accent" },
  condition: { label: "Condition", hint: "Takes one way or another.", drawing: "M8 2.2v4.3L3.5 9.5v4M8 6.5l4.5 3v4", tone: "warn" },
  input: { label: "Question", hint: "Asks the person who runs the flow.", drawing: "M2.5 3.5h11v7h-6l-3 2.5v-2.5h-2ZM5 6h6m-6 2.2h4", tone: "info" },
  delay: { label: "Delay", hint: "Waits.", drawing: "M2.5 8a5.5 5.5 0 1 0 11 0 5.5 5.5 0 1 0-11 0M8 4.8V8l2.3 1.6", tone: "neutral" },
  loop: { label: "Loop", hint: "Does its steps for each item of a list.", drawing: "M12.8 6.5A5 5 0 0 0 3.5 6M3.2 3v3.2h3.2M3.2 9.5a5 5 0 0 0 9.3.5m.3 3V9.8H9.6", tone: "warn" },
  end: { label: "End", hint: "Where the flow ends, and what it answers.", drawing: "M4 14V2.5m0 .8h8l-2 2.7 2 2.7H4", tone: "neutral" },
};

const UNKNOWN = { label: "Unknown", hint: "", drawing: "M8 2.2 14.4 13.5H1.6ZM8 6.5v3.2m0 1.6v.4", tone: "bad" };

export function kindOf(node) {
  return Object.hasOwn(KINDS, node?.kind) ? KINDS[node.kind] : UNKNOWN;
}

// What a new step of this kind begins with.
export function blank(kind, id) {
  const node = { id, kind };
  switch (kind) {
    case "api": return { ...node, request: { method: "GET", url: "https://" } };
    case "connector": return { ...node, connectorId: "", action: "", parameters: {} };
    case "function": return { ...node, scriptId: "", function: "", arguments: {} };
    case "condition": return { ...node, cases: [{ name: "yes", when: { left: "", operator: "==", right: "" } }] };
    case "input": return { ...node, title: "", fields: [{ name: "answer", type: "string", required: true }] };
    case "delay": return { ...node, seconds: 60 };
    case "loop": return { ...node, items: "", body: { nodes: [], edges: [] } };
    default: return node;
  }
}

// The line under a step's name.
export function summary(node, catalogues) {
  switch (node?.kind) {
    case "start": return inputs(node.inputs);
    case "api": return `${node.request?.method ?? "GET"} ${address(node.request?.url)}`;
    case "connector": return connector(node, catalogues);
    case "function": return `${named(catalogues.scripts, node.scriptId)} · ${node.function || "no function yet"}`;
    case "condition": return (node.cases ?? []).map((one) => one?.name).concat("else").join(" / ");
    case "input": return node.title || inputs(node.fields);
    case "delay": return typeof node.seconds === "number" ? duration(node.seconds) : String(node.seconds ?? "");
    case "loop": return node.items ? `for each of ${bare(node.items)}` : "no list yet";
    case "end": return node.outcome === "error" ? `fails: ${node.message ?? ""}` : "answers";
    default: return String(node?.kind ?? "");
  }
}

function inputs(fields) {
  const names = (Array.isArray(fields) ? fields : []).map((field) => field?.name).filter(Boolean);
  return names.length ? names.join(", ") : "no inputs";
}

function connector(node, catalogues) {
  const known = catalogues.connectors.find((one) => one.id === node.connectorId);
  const action = known?.actions?.find((one) => one.id === node.action);
  return `${known?.name ?? (node.connectorId || "no connector yet")} · ${action?.name ?? (node.action || "no action yet")}`;
}

function named(list, id) {
  return list.find((one) => one.id === id)?.name ?? (id || "no script yet");
}

function address(url) {
  return String(url ?? "").replace(/^https?:\/\//, "") || "no address yet";
}

function bare(value) {
  return typeof value === "string" ? value.replace(/^\{\{\s*|\s*\}\}$/g, "") : `${value?.length ?? 0} items`;
}

export function duration(seconds) {
  if (seconds % 3600 === 0) return `${seconds / 3600} h`;
  if (seconds % 60 === 0) return `${seconds / 60} min`;
  return `${seconds} s`;
}

// Whether an edge may take the failure of such a step on.
export function mayFail(node) {
  return ["api", "connector", "function", "input", "loop", "delay"].includes(node?.kind);
}
