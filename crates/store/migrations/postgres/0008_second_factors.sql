-- Second steps of sign-in: TOTP, passkeys, recovery codes.
SELECT 1;
