-- Sign-in traces that can be shared, and the daily look at domains.
SELECT 1;
