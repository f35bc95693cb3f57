-- What is due is found by flow, however much of it there is; what is over is in none of these.
DROP INDEX executions_due;
DROP INDEX executions_leases;
CREATE INDEX executions_due ON executions (due_at) WHERE due_at IS NOT NULL;
CREATE INDEX executions_turns ON executions (flow_id, due_at, id) WHERE due_at IS NOT NULL;
CREATE INDEX executions_leases ON executions (lease_until) WHERE lease_until IS NOT NULL;
-- All that waits for a person at a connector is woken in its order.
DROP INDEX execution_waits_person;
CREATE INDEX execution_waits_person ON execution_waits (workspace_id, person_id, connector_id, execution_id);
