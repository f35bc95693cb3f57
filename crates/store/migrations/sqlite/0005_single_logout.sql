-- Single logout: what each session is called at its provider, logout requests on their way.
SELECT 1;
