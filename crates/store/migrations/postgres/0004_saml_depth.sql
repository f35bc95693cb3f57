-- Single sign-on in depth: own keys with their overlap, provider metadata and its refresh.
SELECT 1;
