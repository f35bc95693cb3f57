-- What is due is looked for webhook by webhook.
CREATE INDEX webhook_deliveries_next ON webhook_deliveries (webhook_id, state, next_at);
DROP INDEX webhook_deliveries_due;
