-- By which browser a session is found when a provider's sign-off names nobody (WS-Federation).
ALTER TABLE sso_sessions ADD COLUMN browser TEXT;
CREATE INDEX sso_sessions_browser ON sso_sessions (connection_id, browser);
