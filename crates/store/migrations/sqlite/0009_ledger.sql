-- Keyring rotation and signed segment heads of the audit chain.
SELECT 1;
