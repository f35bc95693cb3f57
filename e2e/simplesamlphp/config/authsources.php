<?php

// The people of the identity provider; each password is NAME-pass.

$claims = 'http://schemas.xmlsoap.org/ws/2005/05/identity/claims';
$person = static fn (string $uid, string $mail, string $name, array $groups): array => [
    'uid' => [$uid],
    'mail' => [$mail],
    'displayName' => [$name],
    'groups' => $groups,
    "$claims/emailaddress" => [$mail],
    "$claims/name" => [$name],
];

$config = [
    'people' => [
        'exampleauth:UserPass',
        'alice:alice-pass' => $person('alice', 'alice@example.test', 'Alice Example', ['engineering', 'admins']),
        'bob:bob-pass' => $person('bob', 'bob@example.test', 'Bob Example', ['engineering']),
        'mallory:mallory-pass' => $person('mallory', 'mallory@example.test', 'Mallory Example', []),
        // Known to the identity provider, but of a domain nobody has proved.
        'eve:eve-pass' => $person('eve', 'eve@elsewhere.test', 'Eve Elsewhere', []),
    ],
];
