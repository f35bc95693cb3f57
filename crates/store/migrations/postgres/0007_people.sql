-- People: invitations, sign-up, password reset, known devices.
SELECT 1;
