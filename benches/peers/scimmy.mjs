// scimmy.mjs MODULES PORT: SCIMMY's Express routers over maps in memory, the smallest server that keeps people and groups.
import { createRequire } from "node:module";
import { randomUUID } from "node:crypto";

const [modules, port] = process.argv.slice(2);
const require = createRequire(`${modules}/`);
const load = (name) => require(name).default ?? require(name);
const [express, SCIMMY, Routers] = ["express", "scimmy", "scimmy-routers"].map(load);

function keep(resource) {
  const kept = new Map();
  const found = (id) => {
    if (!kept.has(id)) throw new SCIMMY.Types.Error(404, null, `Resource ${id} not found`);
    return kept.get(id);
  };
  SCIMMY.Resources.declare(resource)
    .ingress((asked, instance) => {
      const id = asked.id ?? randomUUID();
      kept.set(id, { ...JSON.parse(JSON.stringify(instance)), id });
      return kept.get(id);
    })
    .egress((asked) => {
      if (asked.id) return found(asked.id);
      const all = [...kept.values()];
      return asked.filter ? asked.filter.match(all) : all;
    })
    .degress((asked) => void (found(asked.id) && kept.delete(asked.id)));
}
keep(SCIMMY.Resources.User);
keep(SCIMMY.Resources.Group);

const app = express();
app.get("/readyz", (_, response) => response.end("ready"));
app.use("/", new Routers({ type: "bearer", handler: () => "bench" }));
app.listen(Number(port), "127.0.0.1");
